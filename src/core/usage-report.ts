// What usage can be added up by, what comes of it, and where a page of it goes on.

import type { Price } from "./usage";

/** `day` is one of UTC. A job with several tags counts under each of them. */
export const USAGE_GROUPS = ["day", "task", "model", "provider", "key", "tag", "project"] as const;
export type UsageGroup = (typeof USAGE_GROUPS)[number];

/** The names of a group, in the order of what it is grouped by; '' for none. */
export type GroupNames = string[];

export function formatUsageCursor(names: GroupNames): string {
  return encodeURIComponent(JSON.stringify(names));
}

/** Null: it is not one, or one of another grouping. */
export function parseUsageCursor(text: string, groups: number): GroupNames | null {
  try {
    const names: unknown = JSON.parse(decodeURIComponent(text));
    const fits =
      Array.isArray(names) && names.length === groups && names.every((name) => typeof name === "string");
    return fits ? names : null;
  } catch {
    return null;
  }
}

/** `unpricedRuns`: of models without a price, whose cost is not in the sum. `estimatedRuns`: the provider sent no count. */
export type Sums = {
  runs: number;
  inputTokens: number;
  outputTokens: number;
  cachedTokens: number;
  reasoningTokens: number;
  costNanoUsd: number;
  unpricedRuns: number;
  estimatedRuns: number;
  cacheHits: number;
  /** What those have done without. */
  savedInputTokens: number;
  savedOutputTokens: number;
  savedNanoUsd: number;
};

/** A line of the ledger. `lost`: another run had the job when this one came to write. */
export type LedgerLine = Sums & {
  run: number;
  at: number;
  task: string;
  model: string | null;
  keyId: string | null;
  price: Price | null;
  lost: boolean;
};

export function addSums(all: Sums[]): Sums {
  const sum = (of: (one: Sums) => number) => all.reduce((whole, one) => whole + of(one), 0);
  return {
    runs: sum((one) => one.runs),
    inputTokens: sum((one) => one.inputTokens),
    outputTokens: sum((one) => one.outputTokens),
    cachedTokens: sum((one) => one.cachedTokens),
    reasoningTokens: sum((one) => one.reasoningTokens),
    costNanoUsd: sum((one) => one.costNanoUsd),
    unpricedRuns: sum((one) => one.unpricedRuns),
    estimatedRuns: sum((one) => one.estimatedRuns),
    cacheHits: sum((one) => one.cacheHits),
    savedInputTokens: sum((one) => one.savedInputTokens),
    savedOutputTokens: sum((one) => one.savedOutputTokens),
    savedNanoUsd: sum((one) => one.savedNanoUsd),
  };
}

const DAY_MS = 86_400_000;

/** Every day from one to another, both included, as YYYY-MM-DD. Empty when the first is the later one. */
export function daysBetween(from: string, to: string): string[] {
  const count = Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS) + 1;
  return Array.from({ length: Math.max(0, count) }, (_, i) => dayOf(Date.parse(from) + i * DAY_MS));
}

/** The day of UTC that an instant is in. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

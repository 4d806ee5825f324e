// Usage on the wire: sums of tokens and dollars by what they are grouped by.

import { z } from "@hono/zod-openapi";
import type { LedgerLine, Sums, UsageGroup } from "../core/usage-report";

const priceSchema = z
  .object({ input: z.number(), cached_input: z.number().optional(), output: z.number().optional() })
  .openapi("Price");

const counters = {
  runs: z.int().openapi({ description: "Runs that have used tokens, whatever came of them." }),
  input_tokens: z.int().openapi({ description: "With the cached ones." }),
  output_tokens: z.int().openapi({ description: "With those of reasoning." }),
  cached_tokens: z.int(),
  reasoning_tokens: z.int(),
  cost_usd: z
    .number()
    .openapi({ description: "Exact to a billionth. Runs of models without a price add nothing." }),
  unpriced_runs: z.int().openapi({ description: "Runs of models without a price." }),
  estimated_runs: z
    .int()
    .openapi({ description: "Runs whose provider sent no count, so that some of it is a guess." }),
  cache_hits: z.int().openapi({
    description:
      "Jobs answered by the cache, or by the call of an equal job, and what those have done without:",
  }),
  saved_input_tokens: z.int(),
  saved_output_tokens: z.int(),
  saved_cost_usd: z.number(),
};

const name = z.string().nullable().optional();

const usageGroupSchema = z
  .object({
    day: z.iso.date().optional(),
    task: name,
    model: name,
    provider: name,
    key: name.openapi({ description: "Id of the API key that submitted; null: the root key." }),
    tag: name,
    project: name,
    job: name,
    run: z.int().optional(),
    at: z.iso.datetime().optional(),
    ...counters,
    price: z
      .union([priceSchema, z.null()])
      .optional()
      .openapi({ description: "US dollars a million tokens." }),
    lost: z
      .boolean()
      .optional()
      .openapi({ description: "Another run had the job when this one ended. It was paid for all the same." }),
  })
  .openapi("UsageGroup");

export const usageSchema = z
  .object({
    object: z.literal("list"),
    data: z.array(usageGroupSchema),
    total: z.object(counters).openapi("UsageTotal"),
    has_more: z.boolean(),
    next_cursor: z.string().nullable(),
  })
  .openapi("UsageReport");

export function presentSums(sums: Sums) {
  return {
    runs: sums.runs,
    input_tokens: sums.inputTokens,
    output_tokens: sums.outputTokens,
    cached_tokens: sums.cachedTokens,
    reasoning_tokens: sums.reasoningTokens,
    cost_usd: sums.costNanoUsd / 1e9,
    unpriced_runs: sums.unpricedRuns,
    estimated_runs: sums.estimatedRuns,
    cache_hits: sums.cacheHits,
    saved_input_tokens: sums.savedInputTokens,
    saved_output_tokens: sums.savedOutputTokens,
    saved_cost_usd: sums.savedNanoUsd / 1e9,
  };
}

/** `names` in the order of `groups`; an empty one is none. */
export function presentGroup(groups: UsageGroup[], names: string[], sums: Sums) {
  const named = groups.map((group, i) => [group, names[i] || null]);
  return { ...Object.fromEntries(named), ...presentSums(sums) };
}

export function presentLine(job: string, line: LedgerLine) {
  const { run, task, model, keyId: key, price, lost } = line;
  const provider = model?.split("/")[0] ?? null;
  const about = { job, run, at: new Date(line.at).toISOString(), task, model, provider, key };
  return { ...about, ...presentSums(line), price, lost };
}

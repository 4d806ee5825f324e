// What a provider's response headers say of its limits, in the dialects that are in use.

import type { Announced, Meter } from "../core/gate/report";

/** Null: they say nothing. */
export function readRateLimits(headers: Headers, nowMs: number): Announced | null {
  const requests =
    openaiMeter(headers, "requests") ?? anthropicMeter(headers, "requests", nowMs) ?? draftMeter(headers);
  const tokens = openaiMeter(headers, "tokens") ?? anthropicTokens(headers, nowMs);
  return requests || tokens ? { at: nowMs, requests, tokens } : null;
}

/** OpenAI, Groq and most others. Azure sends `remaining` alone. */
function openaiMeter(headers: Headers, what: "requests" | "tokens"): Meter | null {
  const read = (field: string) => headers.get(`x-ratelimit-${field}-${what}`);
  return toMeter(read("limit"), read("remaining"), parseDuration(read("reset")));
}

function anthropicMeter(headers: Headers, what: string, nowMs: number): Meter | null {
  const read = (field: string) => headers.get(`anthropic-ratelimit-${what}-${field}`);
  return toMeter(read("limit"), read("remaining"), untilInstant(read("reset"), nowMs));
}

/** `tokens` is the tighter of what holds at the moment; without it input and output count each by themselves. */
function anthropicTokens(headers: Headers, nowMs: number): Meter | null {
  const both = anthropicMeter(headers, "tokens", nowMs);
  if (both) return both;
  const input = anthropicMeter(headers, "input-tokens", nowMs);
  const output = anthropicMeter(headers, "output-tokens", nowMs);
  return input && output ? joined(input, output) : (input ?? output);
}

/** Two meters as one: of the sum no larger a share is left than of the scarcer of the two. */
function joined(a: Meter, b: Meter): Meter {
  const resetMs = a.resetMs === null ? b.resetMs : Math.max(a.resetMs, b.resetMs ?? 0);
  if (a.limit === null || b.limit === null) return { limit: null, remaining: least(a, b), resetMs };
  const limit = a.limit + b.limit;
  const share = Math.min((a.remaining ?? a.limit) / a.limit, (b.remaining ?? b.limit) / b.limit);
  return { limit, remaining: Math.floor(limit * share), resetMs };
}

function least(a: Meter, b: Meter): number | null {
  if (a.remaining === null || b.remaining === null) return a.remaining ?? b.remaining;
  return Math.min(a.remaining, b.remaining);
}

/** The IETF draft: of requests, with the reset in seconds. `100, 100;w=60`: the first is the one that holds. */
function draftMeter(headers: Headers): Meter | null {
  const read = (field: string) => headers.get(`ratelimit-${field}`)?.split(",")[0] ?? null;
  const reset = read("reset");
  return toMeter(
    read("limit"),
    read("remaining"),
    reset && /^[\d.]+$/.test(reset) ? parseDuration(reset) : null,
  );
}

function toMeter(
  limitText: string | null,
  remainingText: string | null,
  resetMs: number | null,
): Meter | null {
  // A limit of nothing is how some servers write "no limit".
  const limit = parseCount(limitText) || null;
  const remaining = parseCount(remainingText);
  return limit === null && remaining === null ? null : { limit, remaining, resetMs };
}

function parseCount(text: string | null): number | null {
  return text !== null && /^\d{1,15}(\.\d{1,15})?$/.test(text) ? Math.floor(Number(text)) : null;
}

/** Longer than any window of a limit: what says more is an instant that was taken for a duration, or nonsense. */
const LONGEST_RESET_MS = 31 * 86_400_000;

const UNITS_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

const NUMBER = "(\\d{1,12}(?:\\.\\d{1,12})?)";
const SECONDS = new RegExp(`^${NUMBER}$`);
const DURATION = new RegExp(
  `^${Object.keys(UNITS_MS)
    .map((unit) => `(?:${NUMBER}${unit})?`)
    .join("")}$`,
);

/** `1h2m3.5s`, `20ms`, or seconds alone; in milliseconds. Null: none of these, or longer than a month. */
export function parseDuration(text: string | null): number | null {
  if (!text) return null;
  if (SECONDS.test(text)) return bounded(Number(text) * 1_000);
  const parts = DURATION.exec(text)?.slice(1);
  if (!parts) return null;
  return bounded(Object.values(UNITS_MS).reduce((sum, unit, i) => sum + unit * Number(parts[i] ?? 0), 0));
}

/** RFC 3339, as milliseconds from now. */
function untilInstant(text: string | null, nowMs: number): number | null {
  if (!text || !/^\d{4}-\d{2}-\d{2}T[\d:.]+(Z|[+-]\d{2}:\d{2})$/i.test(text)) return null;
  const ms = Date.parse(text) - nowMs;
  return Number.isNaN(ms) ? null : bounded(Math.max(0, ms));
}

function bounded(ms: number): number | null {
  return ms <= LONGEST_RESET_MS ? Math.ceil(ms) : null;
}

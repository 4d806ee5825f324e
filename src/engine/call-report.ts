// What the gate is told of a run that is over: how the provider answered, and what was really used.

import type { ErrorCode } from "../core/errors";
import type { Announced, Report } from "../core/gate/report";
import type { RunEnd } from "./settle";

/** Calls of the run that were sent, and the newest word of the provider on its limits. */
export type Calls = { sent: number; announced: Announced | null };

export function reportOf(end: Pick<RunEnd, "result" | "usage">, calls: Calls): Report {
  const outcome = outcomeOf(end.result);
  const usage = end.usage?.estimated ? null : end.usage;
  const isOfProvider = outcome === "rate_limited" || outcome === "down";
  return {
    outcome,
    sent: calls.sent > 0,
    inputTokens: usage?.input_tokens ?? null,
    outputTokens: usage?.output_tokens ?? null,
    // The wait that another error carries is our own.
    retryAfterMs: isOfProvider && !end.result.ok ? end.result.error.retryAfterMs : null,
    announced: calls.announced,
  };
}

const DOWN: ErrorCode[] = ["provider_error", "provider_unreachable", "provider_timeout", "stream_cut"];

function outcomeOf(result: RunEnd["result"]): Report["outcome"] {
  if (result.ok) return "ok";
  const { code } = result.error;
  if (code === "provider_rate_limited") return "rate_limited";
  return DOWN.includes(code) ? "down" : "other";
}

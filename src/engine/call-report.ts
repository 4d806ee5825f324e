// What a run tells the gate of its pool when it is over.

import type { ErrorCode } from "../core/errors";
import type { Report } from "../core/gate/report";
import type { RunEnd } from "./settle";

const DOWN: ErrorCode[] = ["provider_error", "provider_unreachable", "provider_timeout", "stream_cut"];

export function reportOf({ result, usage }: RunEnd): Report {
  const error = result.ok ? null : result.error;
  const outcome = error === null ? "ok" : outcomeOf(error.code);
  const counted = usage && !usage.estimated ? usage : null;
  return {
    outcome,
    sent: usage !== null,
    inputTokens: counted?.input_tokens ?? null,
    outputTokens: counted?.output_tokens ?? null,
    retryAfterMs: error?.retryAfterMs ?? null,
    announced: null,
  };
}

function outcomeOf(code: ErrorCode): Report["outcome"] {
  if (code === "provider_rate_limited") return "rate_limited";
  return DOWN.includes(code) ? "down" : "other";
}

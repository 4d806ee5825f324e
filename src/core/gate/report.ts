// What a run tells the gate when it is over.

export type Report = {
  /** `other`: the request itself failed (4xx), or was cancelled. */
  outcome: "ok" | "rate_limited" | "down" | "other";
  /** False: no request was made at all, so that nothing was used. */
  sent: boolean;
  /** Null: unknown, the estimate stands. */
  inputTokens: number | null;
  outputTokens: number | null;
  retryAfterMs: number | null;
  announced: Announced | null;
};

/** What the provider's headers said of its limits, and when. */
export type Announced = { at: number; requests: Meter | null; tokens: Meter | null };

/** `resetMs`: until nothing counts as used any more. */
export type Meter = { limit: number | null; remaining: number | null; resetMs: number | null };

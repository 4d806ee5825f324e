// When a failed attempt is tried again.

import type { AppError } from "./errors";

const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 300_000;

/**
 * Milliseconds until the next attempt, or null when there is none.
 *
 * Exponential with full jitter (a random share of 1 s, 2 s, 4 s … 5 min), so that jobs which failed together do not come
 * back together. A provider's `retry-after` is a floor however long it is, with up to a tenth more as jitter.
 */
export function retryDelayMs(
  error: AppError,
  attempt: number,
  maxAttempts: number,
  random: number,
): number | null {
  return error.retryable && attempt < maxAttempts ? backoffMs(error, attempt, random) : null;
}

/** The same, for a failure after which the job goes on in any case. */
export function backoffMs(error: AppError, attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt - 1, 20));
  const backoff = Math.round(ceiling * random);
  if (error.retryAfterMs === null) return backoff;
  return Math.max(backoff, Math.round(error.retryAfterMs * (1 + random / 10)));
}

/** After a refusal that uses no attempt: the gate backs off for the whole pool, so that the job itself need not. */
export function rateLimitDelayMs(error: AppError, random: number): number {
  const waitMs = Math.max(FIRST_DELAY_MS, error.retryAfterMs ?? 0);
  return Math.round(waitMs + random * Math.max(FIRST_DELAY_MS, waitMs / 10));
}

// How a job comes back after a failed run: when, to which of its targets, and whether that has used an attempt.

import type { AppError } from "../core/errors";
import type { Job } from "../core/job";
import { MAX_FREE_RUNS } from "../core/limits";
import { backoffMs, rateLimitDelayMs, retryDelayMs } from "../core/retry";
import { nextStep, parseRoute } from "../core/route";
import type { Deps } from "../deps";
import type { Comeback } from "../store/run-ends";
import { placeOf } from "./place-of";

/** What a run is deferred for, when storage does not answer: some seconds, not all at the same time. */
const DEFER_MS = 10_000;

/** Null: it does not, and fails. */
export function comebackOf(
  deps: Pick<Deps, "config" | "random">,
  job: Job,
  error: AppError,
): Comeback | null {
  const random = deps.random();
  // Our own storage was away: the job has not been tried, and no job fails of that.
  if (error.code === "store_unavailable") {
    return { move: "defer", reason: "retrying", delayMs: Math.round(DEFER_MS * (1 + random)) };
  }
  const isFree = usesNoAttempt(job, error);
  // The attempt of this run is given back, so that it does not count.
  const attempt = isFree ? job.attempt - 1 : job.attempt;
  const move = isFree ? ({ move: "defer", reason: "rate_limited" } as const) : ({ move: "retry" } as const);
  const route = parseRoute(job.route);
  if (!route) {
    const delayMs = isFree
      ? rateLimitDelayMs(error, random)
      : retryDelayMs(error, attempt, job.maxAttempts, random);
    return delayMs === null ? null : { ...move, delayMs };
  }
  const step = nextStep(route, error, attempt, job.maxAttempts);
  if (step.kind === "none") return null;
  const backoff = isFree ? rateLimitDelayMs(error, random) : backoffMs(error, attempt, random);
  const delayMs = step.backsOff ? backoff : 0;
  if (step.route === route) return { ...move, delayMs };
  return { ...move, delayMs, place: placeOf(deps.config.catalogue, job, step.route) };
}

/** A job in line at a gate is not to blame for what the gate let through too early. */
function usesNoAttempt(job: Job, { code, retryable }: AppError): boolean {
  if (job.run >= MAX_FREE_RUNS || !retryable) return false;
  return code === "gate_wait" || (code === "provider_rate_limited" && job.pool !== null);
}

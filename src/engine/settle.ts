// Ends a run: one outcome or error becomes exactly one move.

import { AppError } from "../core/errors";
import type { Job, JobError, WholeJob } from "../core/job";
import { KEPT_ATTEMPTS, MAX_TURNS } from "../core/limits";
import type { Outcome } from "../core/outcome";
import { retryDelayMs } from "../core/retry";
import { addUsage, NO_USAGE, type Usage } from "../core/usage";
import type { Deps } from "../deps";
import { getJob } from "../store/jobs";
import { againRun, endRun, type RunResult, retryRun } from "../store/moves";
import { outputKey, storeText } from "../store/objects";

/** How a run went. `output` of a failure is what a cancelled job keeps. */
export type RunEnd = {
  result: { ok: true; outcome: Outcome } | { ok: false; error: AppError; partial: unknown };
  usage: Usage | null;
  progress: Job["progress"];
  startedAt: number;
};

/** Returns the job after the move; null when the run had lost the job, so that nothing was written. */
export async function settle(deps: Deps, job: WholeJob, end: RunEnd): Promise<Job | null> {
  const moved = await move(deps, job, end);
  if (moved) return moved;
  const now = await getJob(deps.db, job);
  // Our own write, whose answer was lost: any state but running, under our run, can only be what we wrote.
  if (now && now.run === job.run && now.state !== "running") return now;
  // Asked to stop in the meantime, which retry and again give way to.
  if (now && now.run === job.run && now.cancelRequestedAt !== null) return stop(deps, job, end);
  return null;
}

async function move(deps: Deps, job: WholeJob, end: RunEnd): Promise<Job | null> {
  if (!end.result.ok) return settleError(deps, job, end, end.result.error);
  const { outcome } = end.result;
  if (outcome.kind === "done") {
    const result = { ...resultOf(deps, job, end, null), output: await place(deps, job, outcome.output) };
    return endRun(deps.db, job, { state: "completed", move: "complete" }, result);
  }
  if (job.turns >= MAX_TURNS) return settleError(deps, job, end, new AppError("turns_exhausted"));
  const state = JSON.stringify(outcome.state ?? null);
  return againRun(deps.db, job, outcome.delayMs, state, resultOf(deps, job, end, null));
}

async function settleError(deps: Deps, job: WholeJob, end: RunEnd, error: AppError): Promise<Job | null> {
  if (error.code === "cancelled") return stop(deps, job, end);
  const result = resultOf(deps, job, end, {
    code: error.code,
    message: error.message,
    retryable: error.retryable,
  });
  const delayMs = retryDelayMs(error, job.attempt, job.maxAttempts, deps.random());
  if (delayMs !== null) return retryRun(deps.db, job, delayMs, result);
  return endRun(deps.db, job, { state: "failed", move: "fail" }, result);
}

async function stop(deps: Deps, job: WholeJob, end: RunEnd): Promise<Job | null> {
  const partial = end.result.ok ? null : end.result.partial;
  const output = partial === null ? null : await place(deps, job, partial);
  const result = { ...resultOf(deps, job, end, null), output };
  return endRun(deps.db, job, { state: "cancelled", move: "stop" }, result);
}

function place(deps: Deps, job: WholeJob, output: unknown) {
  return storeText(deps.bucket, outputKey(job), JSON.stringify(output ?? null));
}

function resultOf(deps: Deps, job: WholeJob, end: RunEnd, error: JobError | null): RunResult {
  const record = {
    attempt: job.attempt,
    started_at: new Date(end.startedAt).toISOString(),
    ended_at: new Date(deps.now()).toISOString(),
    error,
    model: job.model,
    usage: end.usage ?? NO_USAGE,
  };
  return {
    attempts: [...job.attempts, record].slice(-KEPT_ATTEMPTS),
    usage: end.usage ? addUsage(job.usage ?? NO_USAGE, end.usage) : job.usage,
    progress: end.progress,
    error,
  };
}

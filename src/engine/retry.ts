// Runs a job again because a user asked for it: the same job when it failed, a new one when it had completed.

import type { CacheRequest, CacheSettings } from "../core/cache";
import { AppError } from "../core/errors";
import { moveEvent } from "../core/events";
import type { Job, WholeJob } from "../core/job";
import { isFinal } from "../core/lifecycle";
import type { Deps } from "../deps";
import type { JobKey } from "../store/db";
import { getJob } from "../store/jobs";
import { type Rerun, rerunJobs } from "../store/moves";
import { redoJob } from "../store/redo";
import { announce } from "./announce";
import { armClock, armClockFor } from "./arm-clock";
import { reopenLogs } from "./end-log";
import { enqueue } from "./enqueue";
import { loadInput } from "./load-input";
import { ring } from "./ring";

/** Throws `not_found`, or `job_not_final` for a job that has not ended. */
export async function retry(deps: Deps, key: JobKey): Promise<Job> {
  const [moved] = await rerunAll(deps, [{ ...key, delayMs: 0 }]);
  if (moved) return moved;
  const redone = await redo(deps, key);
  if (redone) return redone;
  const job = await getJob(deps.db, key);
  if (!job) throw new AppError("not_found");
  if (job.parentId !== null && isFinal(job.state))
    throw new AppError("parent_ended", {
      message: `The job is a child of ${job.parentId}, which has ended. Retry that one: it does again what did not complete.`,
    });
  if (job.state !== "completed") {
    throw new AppError("job_not_final", {
      message: `The job is ${job.state}. Only an ended job can be retried.`,
    });
  }
  return submitCopy(deps, job);
}

/** Starts those of the jobs over that have failed or were cancelled, each after its delay. Returns them. */
export async function rerunAll(deps: Deps, reruns: Rerun[]): Promise<Job[]> {
  if (reruns.length === 0) return [];
  await armClock(deps);
  const moved = await rerunJobs(deps.db, reruns, deps.config.timing);
  await reopenLogs(deps, moved);
  const delaysMs = moved.map((job) => job.runAt - job.readAt).filter((ms) => ms > 0);
  deps.background(
    Promise.all([
      ring(
        deps,
        moved.filter((job) => job.runAt <= job.readAt),
      ),
      announce(
        deps,
        moved.map((job) => ({ job, event: moveEvent(job, deps.now()) })),
      ),
      delaysMs.length > 0 ? armClockFor(deps, Math.min(...delaysMs)) : null,
    ]),
  );
  return moved;
}

/** A job with children goes on with what did not complete. Null: it has none, or nothing is to be done again. */
export async function redo(deps: Deps, key: JobKey): Promise<Job | null> {
  await armClock(deps);
  const job = await redoJob(deps.db, key, deps.config.timing);
  if (!job) return null;
  await reopenLogs(deps, [job]);
  deps.background(
    Promise.all([ring(deps, [job]), announce(deps, [{ job, event: moveEvent(job, deps.now()) }])]),
  );
  return job;
}

/** Whoever runs a completed job again does not want to be given the same answer. */
function refreshing({ ttl_ms, stale_ms, scope, tags }: CacheSettings): CacheRequest {
  return {
    mode: "refresh",
    ttl_s: ttl_ms / 1_000,
    stale_s: stale_ms / 1_000,
    scope: scope ?? undefined,
    tags,
  };
}

async function submitCopy(deps: Deps, job: WholeJob): Promise<Job> {
  const input = await loadInput(deps, job);
  const request = {
    task: job.task,
    input: JSON.parse(input),
    channel: job.channel ?? undefined,
    tags: job.tags,
    metadata: job.metadata ?? undefined,
    lane: job.lane,
    priority: job.priority,
    max_attempts: job.maxAttempts,
    timeout_s: job.timeoutMs / 1_000,
    stream: job.stream,
    fair_key: job.fairKey ?? undefined,
    concurrency: job.concurrency ?? undefined,
    on_budget: job.onBudget,
    cache: job.cache ? refreshing(job.cache) : undefined,
    retention_s: job.retentionMs === null ? undefined : job.retentionMs / 1_000,
  };
  const { projectId, id: rerunOf, keyId } = job;
  const submission = { projectId, jobs: [request], rerunOf, keyId: keyId ?? undefined };
  const [submitted] = await enqueue(deps, submission);
  if (!submitted) throw new AppError("internal");
  return submitted.job;
}

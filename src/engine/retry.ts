// Runs a job again because a user asked for it: the same job when it failed, a new one when it had completed.

import { AppError } from "../core/errors";
import { moveEvent } from "../core/events";
import type { Job, WholeJob } from "../core/job";
import type { Deps } from "../deps";
import type { JobKey } from "../store/db";
import { getJob } from "../store/jobs";
import { rerunJob } from "../store/moves";
import { loadText } from "../store/objects";
import { announce } from "./announce";
import { armClock } from "./arm-clock";
import { enqueue } from "./enqueue";
import { ring } from "./ring";

/** Throws `not_found`, or `job_not_final` for a job that has not ended. */
export async function retry(deps: Deps, key: JobKey): Promise<Job> {
  await armClock(deps);
  const moved = await rerunJob(deps.db, key, deps.config.timing);
  if (moved) {
    deps.background(
      Promise.all([
        ring(deps, [moved]),
        announce(deps, [{ job: moved, event: moveEvent(moved, deps.now()) }]),
      ]),
    );
    return moved;
  }
  const job = await getJob(deps.db, key);
  if (!job) throw new AppError("not_found");
  if (job.state !== "completed") {
    throw new AppError("job_not_final", {
      message: `The job is ${job.state}. Only an ended job can be retried.`,
    });
  }
  return submitCopy(deps, job);
}

async function submitCopy(deps: Deps, job: WholeJob): Promise<Job> {
  const input = job.inputKey ? await loadText(deps.bucket, job.inputKey) : (job.input ?? "null");
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
  };
  const [submitted] = await enqueue(deps, { projectId: job.projectId, jobs: [request], rerunOf: job.id });
  if (!submitted) throw new AppError("internal");
  return submitted.job;
}

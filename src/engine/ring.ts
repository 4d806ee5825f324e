// Rings the queue for jobs that are due. A doorbell that gets lost is rung again by the clock.

import type { Job } from "../core/job";
import type { Deps } from "../deps";
import type { Doorbell } from "../env";
import { errorField } from "../log";
import { within } from "../store/within";

/** A send has been seen to hang for a minute; neither a run nor the clock waits for that. */
const PATIENCE_MS = 10_000;

/** Messages in one call to a queue (platform limit). */
const MESSAGES_PER_CALL = 100;

/** Never throws: the jobs are stored, and the clock looks at them in any case. */
export async function ring(deps: Deps, jobs: Pick<Job, "projectId" | "id" | "lane">[]): Promise<void> {
  const bulk = jobs.filter((job) => job.lane === "bulk");
  const others = jobs.filter((job) => job.lane !== "bulk");
  await Promise.all([send(deps, deps.jobsQueue, others), send(deps, deps.bulkQueue, bulk)]);
}

/** Rings after a while: for a job that somebody still holds, who will not come back to it. Never throws. */
export async function ringLater(
  deps: Deps,
  job: Pick<Job, "projectId" | "id" | "lane">,
  delayMs: number,
): Promise<void> {
  const queue = job.lane === "bulk" ? deps.bulkQueue : deps.jobsQueue;
  try {
    const delaySeconds = Math.ceil(delayMs / 1_000) + 1;
    await bounded(queue.send({ p: job.projectId, id: job.id }, { delaySeconds }));
  } catch (error) {
    deps.log("ring_failed", { jobs: 1, error: errorField(error) });
  }
}

async function send(
  deps: Deps,
  queue: Queue<Doorbell>,
  jobs: Pick<Job, "projectId" | "id">[],
): Promise<void> {
  for (let i = 0; i < jobs.length; i += MESSAGES_PER_CALL) {
    const slice = jobs.slice(i, i + MESSAGES_PER_CALL);
    try {
      await bounded(queue.sendBatch(slice.map((job) => ({ body: { p: job.projectId, id: job.id } }))));
    } catch (error) {
      deps.log("ring_failed", { jobs: slice.length, error: errorField(error) });
    }
  }
}

/** The call's answer. Throws when there is none in time. */
export function bounded<T>(call: Promise<T>): Promise<T> {
  return within(PATIENCE_MS, call, () => new Error("the queue does not answer"));
}

// Removes what is left of erased jobs: objects, what the hubs remember of them, and last their rows.

import { hubName } from "../core/hubs";
import { isErased, type Job } from "../core/job";
import { jobLogId } from "../core/streams/job-log";
import { shardOf } from "../core/streams/stream";
import type { Deps } from "../deps";
import { errorField } from "../log";
import { deleteRows } from "../store/erasure";
import { deleteObjects, listKeys, unsettledPrefix } from "../store/objects";
import { within } from "../store/within";

/** A hub that does not answer is asked again later: who waits for the erasure does not wait for that. */
const PATIENCE_MS = 5_000;

/** How many objects R2 deletes in one call. */
const OBJECTS_PER_CALL = 1_000;

/**
 * For jobs that have ended. In this order it can be broken off anywhere and done again: as long as there is a row the clock
 * finds it. Never throws: what cannot be removed now is, later.
 */
export async function purge(deps: Deps, jobs: Job[]): Promise<void> {
  if (jobs.length === 0) return;
  try {
    const keys: string[] = [];
    for (const job of jobs) keys.push(...(await objectsOf(deps, job)));
    for (let i = 0; i < keys.length; i += OBJECTS_PER_CALL) {
      await deleteObjects(deps.bucket, keys.slice(i, i + OBJECTS_PER_CALL));
    }
    await forget(deps, jobs);
    await deleteRows(deps.db, jobs);
  } catch (error) {
    deps.log("purge_failed", { jobs: jobs.length, error: errorField(error) });
  }
}

/**
 * Whether it may have objects: those its row names, or of runs that were lost or ended by somebody else. Most jobs run once
 * and in peace, and have none.
 */
export function hasObjects(job: Job): boolean {
  const isNamed = job.inputKey !== null || job.outputKey !== null;
  return isNamed || job.run > 1 || job.cancelRequestedAt !== null;
}

/** Listing costs as much as storing a job: what was only kept long enough and has no objects is not listed. */
async function objectsOf(deps: Deps, job: Job): Promise<string[]> {
  if (!isErased(job) && !hasObjects(job)) return [];
  const own = await listKeys(deps.bucket, `${job.projectId}/${job.id}/`);
  return [...own, ...(await listKeys(deps.bucket, unsettledPrefix(job)))];
}

async function forget(deps: Deps, jobs: Job[]): Promise<void> {
  const byHub = Map.groupBy(jobs, (job) => hubName(job.projectId, job.channel, job.parentId ?? job.id));
  for (const [hub, ofHub] of byHub) {
    const forgotten = deps.hubs.getByName(hub).forget(ofHub.map((job) => job.id));
    await within(PATIENCE_MS, forgotten, () => new Error("the hub does not answer"));
  }
  const logs = jobs.filter((job) => job.stream).map(jobLogId);
  for (const [shard, ids] of Map.groupBy(logs, shardOf)) {
    const forgotten = deps.jobLogs.getByName(shard).forget(ids);
    await within(PATIENCE_MS, forgotten, () => new Error("the stream does not answer"));
  }
}

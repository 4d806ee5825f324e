// Answers doorbells: claims what is due, and tells again how those stand that had ended before.

import { AppError } from "../core/errors";
import { moveEvent } from "../core/events";
import type { WholeJob } from "../core/job";
import { isFinal } from "../core/lifecycle";
import type { Deps } from "../deps";
import type { Doorbell } from "../env";
import type { JobKey } from "../store/db";
import { getJobs } from "../store/jobs";
import { claimJobs } from "../store/moves";
import { announce } from "./announce";

/**
 * Returns the jobs that this call has claimed, for the caller to run. What else a doorbell can meet needs no answer: a
 * job that runs has a lease, one that is not due or has expired is the clock's, one that is missing was erased.
 */
export async function answerDoorbells(deps: Deps, doorbells: Doorbell[]): Promise<WholeJob[]> {
  const keys = [...new Map(doorbells.map((bell) => [bell.id, { projectId: bell.p, id: bell.id }])).values()];
  const claimed = await claim(deps, keys);
  const ids = new Set(claimed.map((job) => job.id));
  const others = keys.filter((key) => !ids.has(key.id));
  if (others.length > 0) deps.background(retell(deps, others));
  return claimed;
}

/** Asks twice: a claim whose answer was lost comes back as it is, because it carries the same claim id. */
async function claim(deps: Deps, keys: JobKey[]): Promise<WholeJob[]> {
  const claimId = deps.newId("clm");
  try {
    return await claimJobs(deps.db, keys, claimId);
  } catch (error) {
    if (!(error instanceof AppError && error.code === "store_unavailable")) throw error;
    return claimJobs(deps.db, keys, claimId);
  }
}

/** The run that ended these may have died before it could tell. Listeners drop what they know by its version. */
async function retell(deps: Deps, keys: JobKey[]): Promise<void> {
  const ended = (await getJobs(deps.db, keys)).filter((job) => isFinal(job.state));
  await announce(
    deps,
    ended.map((job) => ({ job, event: moveEvent(job, deps.now()) })),
  );
}

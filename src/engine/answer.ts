// Answers doorbells: asks the gates, claims what is due, and tells again how those stand that had ended before.

import { isAway } from "../core/errors";
import { moveEvent } from "../core/events";
import type { Job, WholeJob } from "../core/job";
import { isFinal } from "../core/lifecycle";
import type { Deps } from "../deps";
import type { Doorbell } from "../env";
import { errorField } from "../log";
import { claimCounted, claimJobs, findUnclaimed } from "../store/claims";
import type { JobKey } from "../store/db";
import { getJobs } from "../store/jobs";
import { afterLeaders } from "./after-end";
import { announce } from "./announce";
import { noteBlocked } from "./blocked";
import { endLogs, overdue } from "./end-log";
import { askGates } from "./gates";
import { returnSlots } from "./return-slots";
import { takeDetours } from "./take-detours";
import { closeUnsettled } from "./unsettled";

/** `jobs` are claimed, for the caller to run. `suspects` have taken an isolate down before, and are to be claimed one by one. */
export type Answer = { jobs: WholeJob[]; suspects: Job[] };

/**
 * What else a doorbell can meet needs no answer: a job that runs has a lease, one that is not due or has expired is the
 * clock's, one that is missing was erased, and one that has to wait for its turn is its gate's.
 */
export async function answerDoorbells(deps: Deps, doorbells: Doorbell[]): Promise<Answer> {
  const { db, config } = deps;
  const { admitted, detours } = await askGates(deps, doorbells);
  deps.background(takeDetours(deps, detours));
  const keys = [...new Map(admitted.map((bell) => [bell.id, { projectId: bell.p, id: bell.id }])).values()];
  if (keys.length === 0) return { jobs: [], suspects: [] };
  const claimId = deps.newId("clm");
  const jobs = await askTwice(() => claimJobs(db, keys, claimId, config.timing));
  const others = without(keys, jobs);
  if (others.length === 0) return { jobs, suspects: [] };
  const rest = await claimRest(deps, others, claimId, jobs.length > 0);
  const left = new Set(without(others, [...rest.jobs, ...rest.suspects]).map(({ id }) => id));
  deps.background(
    lookAfter(
      deps,
      without(others, rest.jobs),
      admitted.filter(({ id }) => left.has(id)),
    ),
  );
  return { jobs: [...jobs, ...rest.jobs], suspects: rest.suspects };
}

/** Throws when the database is away, unless jobs are claimed: those must be run, and the clock finds the others. */
async function claimRest(deps: Deps, keys: JobKey[], claimId: string, hasClaimed: boolean): Promise<Answer> {
  const { db, config } = deps;
  try {
    const { suspects, counted } = await findUnclaimed(db, keys, config.timing);
    if (counted.length === 0) return { jobs: [], suspects };
    return { jobs: await askTwice(() => claimCounted(db, counted, claimId, config.timing)), suspects };
  } catch (error) {
    if (!hasClaimed) throw error;
    deps.log("rest_not_claimed", { jobs: keys.length, error: errorField(error) });
    return { jobs: [], suspects: [] };
  }
}

function without(keys: JobKey[], jobs: Job[]): JobKey[] {
  const claimed = new Set(jobs.map((job) => job.id));
  return keys.filter((key) => !claimed.has(key.id));
}

/** A claim whose answer was lost comes back as it is, because it carries the same claim id. */
export async function askTwice<T>(claim: () => Promise<T>): Promise<T> {
  try {
    return await claim();
  } catch (error) {
    if (!isAway(error)) throw error;
    return claim();
  }
}

/**
 * What could not be claimed: some were in somebody's way, and their slots are free. Some had ended. The run that did so may
 * have died before it could tell: listeners drop what they know by its version. Or the database had taken the run's end and
 * its answer got lost, so that R2 has it too.
 */
async function lookAfter(deps: Deps, keys: JobKey[], unused: Doorbell[]): Promise<void> {
  const found = await getJobs(deps.db, keys);
  const blocks = await noteBlocked(
    deps,
    found.filter((job) => job.state === "pending" && job.runAt <= job.readAt),
  );
  await returnSlots(deps, unused, found, blocks);
  const ended = found.filter((job) => isFinal(job.state));
  await announce(
    deps,
    ended.map((job) => ({ job, event: moveEvent(job, deps.now()) })),
  );
  await endLogs(deps, overdue(ended));
  await afterLeaders(deps, ended);
  for (const job of ended) await closeUnsettled(deps, job);
}

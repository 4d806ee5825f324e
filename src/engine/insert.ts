// Stores new jobs so that whoever asked knows whether they are stored.

import { AppError, isAway } from "../core/errors";
import type { Job, WholeJob } from "../core/job";
import type { Deps } from "../deps";
import { getJobs } from "../store/jobs";
import { insertClaimed, insertJobs } from "../store/submit";
import { type Keyed, mismatchError } from "./idempotency";
import { dropInputs } from "./place-inputs";

/** Those written now. `claimed`: the job, if it was to be claimed and nothing forbids its start. */
export type Inserted = { inserted: Job[]; claimed: WholeJob | null };

/** `claimId`: the one job is claimed in the same transaction. Throws what names the field; nothing is stored then. */
export async function insert(
  deps: Deps,
  keyed: Keyed,
  { list, claimId = null }: { list: boolean; claimId?: string | null },
): Promise<Inserted> {
  const { projectId, jobs } = keyed;
  try {
    const done = await insertSurely(deps, keyed, claimId);
    const written = new Set(done.inserted.map((job) => job.id));
    const unwritten = jobs.filter((job) => !written.has(job.id));
    deps.background(dropInputs(deps, projectId, unwritten));
    return done;
  } catch (error) {
    if (!(error instanceof AppError && error.code === "idempotency_mismatch")) throw error;
    deps.background(dropInputs(deps, projectId, jobs));
    throw await mismatchError(deps, keyed, list);
  }
}

/**
 * The INSERT can be repeated under the jobs' own ids, and is when its answer got lost. Throws `store_unavailable` with the
 * ids when that one gets lost too: then nobody can tell whether they are stored.
 */
async function insertSurely(deps: Deps, keyed: Keyed, claimId: string | null): Promise<Inserted> {
  const { projectId, jobs } = keyed;
  try {
    return await insertOnce(deps, keyed, claimId);
  } catch (error) {
    if (!isAway(error)) throw error;
  }
  try {
    const { inserted, claimed } = await insertOnce(deps, keyed, claimId);
    if (inserted.length === jobs.length) return { inserted, claimed };
    const keys = jobs.map(({ id }) => ({ projectId, id }));
    return { inserted: await getJobs(deps.db, keys), claimed };
  } catch (error) {
    if (!isAway(error)) throw error;
    const jobIds = jobs.map(({ id }) => id);
    throw new AppError("store_unavailable", { message: UNKNOWN, retryAfterMs: 5_000, jobIds, cause: error });
  }
}

async function insertOnce(
  deps: Deps,
  { projectId, jobs, bulkKey }: Keyed,
  claimId: string | null,
): Promise<Inserted> {
  const { timing } = deps.config;
  const [job] = jobs;
  if (claimId !== null && job) return insertClaimed(deps.db, projectId, job, claimId, timing);
  return { inserted: await insertJobs(deps.db, projectId, jobs, bulkKey, timing), claimed: null };
}

const UNKNOWN =
  "The database does not answer, so it is not known whether the request was stored. Look for `job_ids`, or send it again with the same Idempotency-Key.";

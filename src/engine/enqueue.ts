// Takes jobs in: checks them against their tasks, stores them in one transaction, and rings.

import { AppError, isAway } from "../core/errors";
import { moveEvent } from "../core/events";
import type { Job } from "../core/job";
import type { Deps } from "../deps";
import { errorField } from "../log";
import { getJobs } from "../store/jobs";
import { findProject } from "../store/projects";
import type { NewJob } from "../store/submit";
import { announce } from "./announce";
import { armClock, armClockFor } from "./arm-clock";
import { withCacheKey } from "./cache-key";
import { checkJobs, type JobRequest, type SubmitLimits } from "./check-jobs";
import { checkQuota } from "./check-quota";
import { checkRoom } from "./check-room";
import { countNew, findIds, hashOfJob, type Keyed, toBulkKey } from "./idempotency";
import { insert } from "./insert";
import { insertLive } from "./live";
import { placeInputs } from "./place-inputs";
import { ring } from "./ring";

export type Submission = {
  projectId: string;
  jobs: JobRequest[];
  /** A bulk submit: errors name the place in the list. */
  list?: boolean;
  /** The key of a bulk submit as a whole. */
  bulkKey?: string;
  /** What the caller's token may submit. */
  limits?: SubmitLimits;
  /** The last chance to refuse: called when all is checked, before anything is stored. `count`: jobs not made before. */
  beforeInsert?(count: number): Promise<void>;
  /** The API key that submits; left out: the root key. */
  keyId?: string;
  /** Of one job: it starts at once if nothing is in its way, where its stream is (engine/live.ts). */
  live?: boolean;
  /** Set by engine/retry.ts. */
  rerunOf?: string;
};

/** The jobs in the order of the request. `created` is false for those that an earlier, equal request had made. */
export type Submitted = { job: Job; created: boolean }[];

/** Throws AppErrors that name the field; nothing is stored then. */
export async function enqueue(deps: Deps, submission: Submission): Promise<Submitted> {
  const keyed = await prepare(deps, submission);
  const count = submission.beforeInsert ? await countNew(deps, keyed) : keyed.jobs.length;
  if (count > 0) await makeSureOfRoom(deps, keyed, count, submission);
  await submission.beforeInsert?.(count);
  await placeInputs(deps, keyed.projectId, keyed.jobs);
  await armClock(deps);
  const { list = false, live = false } = submission;
  const inserted = live ? await insertLive(deps, keyed) : (await insert(deps, keyed, { list })).inserted;
  deps.background(followUp(deps, inserted));
  deps.background(revalidate(deps, submission, keyed, inserted));
  return answerSurely(deps, keyed, inserted);
}

async function prepare(deps: Deps, submission: Submission): Promise<Keyed> {
  const { projectId, bulkKey: key, limits } = submission;
  const checked = checkJobs(deps.config.catalogue, submission.jobs, { ...submission, random: deps.random });
  const jobs: NewJob[] = [];
  for (const [i, job] of checked.entries()) {
    const request = submission.jobs[i];
    const hash = request && job.idempotency_key !== null ? await hashOfJob(request, job.channel) : null;
    const id = deps.newId("job");
    const { rerunOf = null, keyId = null } = submission;
    jobs.push({
      ...NOBODYS_CHILD,
      ...(await withCacheKey(job)),
      id,
      hash,
      rerun_of: rerunOf,
      key_id: keyId,
      input_bytes: 0,
      input_key: null,
    });
  }
  const bulkKey = key === undefined ? null : await toBulkKey(key, submission.jobs, limits?.channel ?? null);
  return { projectId, jobs, bulkKey };
}

const NOBODYS_CHILD = { parent_id: null, depth: null, custom_id: null, error: null, fingerprint: null };

/** What an earlier request has made needs no room. */
async function makeSureOfRoom(
  deps: Deps,
  keyed: Keyed,
  count: number,
  { keyId, list = false }: Submission,
): Promise<void> {
  try {
    await checkRoom(deps, keyed.projectId, count);
    await checkQuota(deps, keyed, { keyId: keyId ?? null, count, list });
  } catch (error) {
    if ((await countNew(deps, keyed)) > 0) throw error;
  }
}

const STORED =
  "The jobs named by `job_ids` are stored; the database does not answer what the other idempotency keys have made. Send it again with the same keys.";

/** What need not be waited for: the doorbells, the news, and the clock's attention for what is due later. A run tells of itself. */
async function followUp(deps: Deps, jobs: Job[]): Promise<void> {
  const due = jobs.filter((job) => job.runAt <= job.createdAt && job.state === "pending");
  const delaysMs = jobs.map((job) => job.runAt - job.createdAt).filter((ms) => ms > 0);
  // Nobody can listen to a job whose id was not given out yet; those who listen to its channel can.
  const news = jobs
    .filter((job) => job.channel !== null && job.state !== "running")
    .map((job) => ({ job, event: moveEvent(job, deps.now()) }));
  await Promise.all([
    ring(deps, due),
    announce(deps, news),
    delaysMs.length > 0 ? armClockFor(deps, Math.min(...delaysMs)) : null,
  ]);
}

/**
 * Answers that were given past their time are made anew: by one job for each, unless it is under way or done. It waits behind
 * all others, and has no channel: nobody asked for it. Never throws: the next that is given such an answer tries again.
 */
async function revalidate(deps: Deps, submission: Submission, keyed: Keyed, inserted: Job[]): Promise<void> {
  const stale = new Set(inserted.filter(({ cached }) => cached === "stale").map(({ id }) => id));
  const requests = submission.jobs.filter((_, i) => stale.has(keyed.jobs[i]?.id ?? ""));
  for (const {
    task,
    input,
    tags,
    max_attempts,
    timeout_s,
    fair_key,
    concurrency,
    on_budget,
    cache,
  } of requests) {
    const same = { task, input, tags, max_attempts, timeout_s, fair_key, concurrency, on_budget };
    const job: JobRequest = { ...same, lane: "bulk", cache: { ...cache, mode: "revalidate" } };
    try {
      await enqueue(deps, { projectId: keyed.projectId, jobs: [job], keyId: submission.keyId });
    } catch (error) {
      deps.log("not_revalidated", { task, error: errorField(error) });
    }
  }
}

/** Throws `store_unavailable` with the ids of what is stored already, when the rest of the answer cannot be had. */
async function answerSurely(deps: Deps, keyed: Keyed, inserted: Job[]): Promise<Submitted> {
  try {
    return await answer(deps, keyed, inserted);
  } catch (error) {
    if (!isAway(error) || inserted.length === 0) throw error;
    const jobIds = inserted.map(({ id }) => id);
    throw new AppError("store_unavailable", { message: STORED, retryAfterMs: 5_000, jobIds, cause: error });
  }
}

async function answer(deps: Deps, keyed: Keyed, inserted: Job[]): Promise<Submitted> {
  const byId = new Map(inserted.map((job) => [job.id, job]));
  const all = inserted.length === keyed.jobs.length;
  const ids = all ? keyed.jobs.map((job) => job.id) : await findIds(deps, keyed, byId);
  const missing = ids.filter((id) => !byId.has(id)).map((id) => ({ projectId: keyed.projectId, id }));
  const earlier = missing.length > 0 ? await getJobs(deps.db, missing) : [];
  const known = new Map([...byId, ...earlier.map((job) => [job.id, job] as const)]);
  const submitted = ids.flatMap((id) => {
    const job = known.get(id);
    return job ? [{ job, created: byId.has(id) }] : [];
  });
  if (submitted.length === 0) await checkProject(deps, keyed.projectId);
  return submitted;
}

/** Nothing was stored, and nothing was there: throws `not_found` when that is because the project was deleted. */
async function checkProject(deps: Deps, projectId: string): Promise<void> {
  if ((await findProject(deps.db, projectId))?.deletedAt === null) return;
  throw new AppError("not_found", { message: "The project was deleted." });
}

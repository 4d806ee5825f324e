// Takes jobs in: checks them against their tasks, stores them in one transaction, and rings.

import { canonicalJson } from "../core/canonical";
import { AppError } from "../core/errors";
import { moveEvent } from "../core/events";
import type { Job } from "../core/job";
import type { Deps } from "../deps";
import { getJobs } from "../store/jobs";
import { eraseObjects, inputKey, storeText } from "../store/objects";
import { type BulkKey, findByKeys, findMismatches, insertJobs, type NewJob } from "../store/submit";
import { announce } from "./announce";
import { armClock, armClockFor } from "./arm-clock";
import { checkJobs, type JobRequest, type SubmitLimits } from "./check-jobs";
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
  /** Set by engine/retry.ts. */
  rerunOf?: string;
};

/** The jobs in the order of the request. `created` is false for those that an earlier, equal request had made. */
export type Submitted = { job: Job; created: boolean }[];

/** Puts of large inputs at a time. The platform lets six connections wait; two are left for the rest. */
const PUTS_AT_A_TIME = 4;

/** Throws AppErrors that name the field; nothing is stored then. */
export async function enqueue(deps: Deps, submission: Submission): Promise<Submitted> {
  const newJobs = await prepare(deps, submission);
  const bulkKey = await bulkKeyOf(submission);
  await submission.beforeInsert?.(await countNew(deps, submission.projectId, newJobs, bulkKey));
  await armClock(deps);
  const inserted = await insert(deps, submission, newJobs, bulkKey);
  deps.background(followUp(deps, inserted));
  deps.background(dropInputs(deps, submission.projectId, newJobs, inserted));
  return answer(deps, submission.projectId, newJobs, bulkKey, inserted);
}

async function prepare(deps: Deps, submission: Submission): Promise<NewJob[]> {
  const checked = checkJobs(deps.config.catalogue, submission.jobs, submission);
  const newJobs: NewJob[] = checked.map((job) => ({
    ...job,
    id: deps.newId("job"),
    rerun_of: submission.rerunOf ?? null,
    hash: null,
    input_bytes: 0,
    input_key: null,
  }));
  for (const [i, job] of newJobs.entries()) {
    // Without the key: as a header and as a field of a bulk's item it means the same. With the channel that a token
    // forces, so that a key never leads a token to the job of another channel.
    const request = { ...submission.jobs[i], channel: job.channel ?? undefined, idempotency_key: undefined };
    if (job.idempotency_key !== null) job.hash = await hashOf(request);
  }
  await inGroups(newJobs, PUTS_AT_A_TIME, (job) => placeInput(deps, submission.projectId, job));
  return newJobs;
}

/** Moves a large input to R2. */
async function placeInput(deps: Deps, projectId: string, job: NewJob): Promise<void> {
  const stored = await storeText(deps.bucket, inputKey({ projectId, id: job.id }), job.input ?? "");
  job.input = stored.inline;
  job.input_key = stored.key;
  job.input_bytes = stored.bytes;
}

/** Deletes the large inputs of jobs that were not written, because an equal request had made them before. */
async function dropInputs(deps: Deps, projectId: string, newJobs: NewJob[], inserted: Job[]): Promise<void> {
  const written = new Set(inserted.map((job) => job.id));
  const unused = newJobs.filter((job) => job.input_key !== null && !written.has(job.id));
  await inGroups(unused, PUTS_AT_A_TIME, ({ id }) => eraseObjects(deps.bucket, { projectId, id }));
}

async function inGroups<T>(items: T[], size: number, work: (item: T) => Promise<void>): Promise<void> {
  for (let i = 0; i < items.length; i += size) await Promise.all(items.slice(i, i + size).map(work));
}

/** SHA-256 of what was asked for, in hex. */
async function hashOf(request: unknown): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(canonicalJson(request)));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function bulkKeyOf(submission: Submission): Promise<BulkKey | null> {
  if (submission.bulkKey === undefined) return null;
  const channel = submission.limits?.channel;
  const jobs = submission.jobs.map((job) => ({ ...job, channel: channel ?? job.channel }));
  return { key: submission.bulkKey, hash: await hashOf(jobs) };
}

/** How many of the jobs no earlier request has made, as far as can be known before they are stored. */
async function countNew(
  deps: Deps,
  projectId: string,
  jobs: NewJob[],
  bulkKey: BulkKey | null,
): Promise<number> {
  const keys = keysOf(jobs, bulkKey);
  if (keys.length === 0) return jobs.length;
  const made = await findByKeys(deps.db, projectId, keys);
  if (bulkKey && made.has(bulkKey.key)) return 0;
  const names = jobs.map((job) => job.idempotency_key ?? job.id);
  return new Set(names.filter((name) => !made.has(name))).size;
}

function keysOf(jobs: NewJob[], bulkKey: BulkKey | null): string[] {
  const keys = jobs.flatMap((job) => (job.idempotency_key === null ? [] : [job.idempotency_key]));
  return bulkKey ? [bulkKey.key, ...keys] : keys;
}

async function insert(
  deps: Deps,
  submission: Submission,
  jobs: NewJob[],
  bulkKey: BulkKey | null,
): Promise<Job[]> {
  try {
    return await insertJobs(deps.db, submission.projectId, jobs, bulkKey);
  } catch (error) {
    if (error instanceof AppError && error.code === "idempotency_mismatch") {
      throw await mismatch(deps, submission, jobs, bulkKey);
    }
    throw error;
  }
}

/** The same error, with the places of the keys that do not fit. */
async function mismatch(
  deps: Deps,
  submission: Submission,
  jobs: NewJob[],
  bulkKey: BulkKey | null,
): Promise<AppError> {
  const used = jobs.flatMap((job) =>
    job.idempotency_key && job.hash ? [{ key: job.idempotency_key, hash: job.hash }] : [],
  );
  const all = bulkKey ? [bulkKey, ...used] : used;
  const wrong = await findMismatches(deps.db, submission.projectId, all);
  if (!submission.list || (bulkKey && wrong.has(bulkKey.key))) {
    return new AppError("idempotency_mismatch", { param: "Idempotency-Key" });
  }
  const errors = jobs.flatMap(({ idempotency_key: key, hash }, index) => {
    const first = all.find((other) => other.key === key);
    if (!key || !(wrong.has(key) || first?.hash !== hash)) return [];
    const message = "This key was used before with another body.";
    return [{ index, param: `jobs[${index}].idempotency_key`, message }];
  });
  return new AppError("idempotency_mismatch", { param: errors[0]?.param, errors });
}

async function followUp(deps: Deps, jobs: Job[]): Promise<void> {
  // Nobody can listen to a job whose id was not given out yet; those who listen to its channel can.
  const news = jobs
    .filter((job) => job.channel !== null)
    .map((job) => ({ job, event: moveEvent(job, deps.now()) }));
  const later = jobs.filter((job) => job.runAt > job.createdAt);
  const tasks = [
    ring(
      deps,
      jobs.filter((job) => job.runAt <= job.createdAt),
    ),
    announce(deps, news),
  ];
  if (later.length > 0)
    tasks.push(armClockFor(deps, Math.min(...later.map((job) => job.runAt - job.createdAt))));
  await Promise.all(tasks);
}

async function answer(
  deps: Deps,
  projectId: string,
  newJobs: NewJob[],
  bulkKey: BulkKey | null,
  inserted: Job[],
): Promise<Submitted> {
  const byId = new Map(inserted.map((job) => [job.id, job]));
  if (byId.size === newJobs.length) {
    return newJobs.flatMap(({ id }) => toSubmitted(byId.get(id), true));
  }
  const ids = await existingIds(deps, projectId, newJobs, bulkKey, byId);
  const existing = await getJobs(
    deps.db,
    ids.filter((id) => !byId.has(id)).map((id) => ({ projectId, id })),
  );
  const known = new Map(existing.map((job) => [job.id, job]));
  return ids.flatMap((id) => toSubmitted(byId.get(id) ?? known.get(id), byId.has(id)));
}

function toSubmitted(job: Job | undefined, created: boolean): Submitted {
  return job ? [{ job, created }] : [];
}

/** Ids in the order of the request, where keys have led to jobs of earlier requests. */
async function existingIds(
  deps: Deps,
  projectId: string,
  newJobs: NewJob[],
  bulkKey: BulkKey | null,
  inserted: Map<string, Job>,
): Promise<string[]> {
  const made = await findByKeys(deps.db, projectId, keysOf(newJobs, bulkKey));
  // The key of the call leads to the ids it was to write; where an item's own key had led elsewhere, that is the job.
  const all = bulkKey && inserted.size === 0 ? made.get(bulkKey.key) : undefined;
  return newJobs.map(
    (job, i) => (job.idempotency_key && made.get(job.idempotency_key)?.[0]) || all?.[i] || job.id,
  );
}

// One pass of the clock: everything whose wake time has come gets what it needs, in slices.

import { ERRORS, type ErrorCode } from "../core/errors";
import { moveEvent } from "../core/events";
import { fingerprintOf } from "../core/fingerprint";
import type { Job } from "../core/job";
import type { Operation } from "../core/operation";
import type { Deps } from "../deps";
import { type DueJob, findDue, postpone, untilNextDueMs } from "../store/due";
import { findErased, untilNextErasureMs } from "../store/erasure";
import { crashJob, expireJob, type StoredError, stopDeadRun } from "../store/moves";
import { holdDueOperations, untilNextOperationMs } from "../store/operations";
import { announce } from "./announce";
import { finishErasing } from "./erase";
import { advance } from "./operate";
import { ring } from "./ring";

const SLICE = 200;
const SLICES_PER_PASS = 10;
const OPERATIONS_PER_PASS = 10;

/** Between passes that left something undone: others want to use the database and the queues too. */
const BREATH_MS = 1_000;

export type Sweep = {
  /** Milliseconds until there is something to do again; null: nothing is open. */
  nextInMs: number | null;
  looked: number;
};

/** `trustLeases`: false right after D1 was away, when runs could not renew their leases either. */
export async function sweep(deps: Deps, trustLeases: boolean): Promise<Sweep> {
  const jobs = await lookAtDue(deps, trustLeases);
  const erased = await finishErased(deps);
  const operations = await goOnOperating(deps);
  const looked = jobs.looked + erased.looked + operations.looked;
  return { looked, nextInMs: soonest(jobs.nextInMs, erased.nextInMs, operations.nextInMs) };
}

function soonest(...times: (number | null)[]): number | null {
  const known = times.filter((ms) => ms !== null);
  return known.length === 0 ? null : Math.min(...known);
}

async function lookAtDue(deps: Deps, trustLeases: boolean): Promise<Sweep> {
  let looked = 0;
  for (let i = 0; i < SLICES_PER_PASS; i++) {
    const due = await findDue(deps.db, SLICE);
    looked += due.length;
    await lookAt(deps, due, trustLeases);
    if (due.length < SLICE) return { nextInMs: await untilNextDueMs(deps.db), looked };
  }
  return { nextInMs: BREATH_MS, looked };
}

/** Jobs whose erasure was broken off, or whose time to be erased has come. */
async function finishErased(deps: Deps): Promise<Sweep> {
  const found = await findErased(deps.db, SLICE);
  if (found.length > 0) await finishErasing(deps, found);
  if (found.length === SLICE) return { looked: SLICE, nextInMs: BREATH_MS };
  const nextInMs = await untilNextErasureMs(deps.db);
  // What is still due could not be removed just now: R2 is away.
  const isDue = nextInMs !== null && nextInMs <= 0;
  return { looked: found.length, nextInMs: isDue ? deps.config.timing.passEveryMs : nextInMs };
}

async function goOnOperating(deps: Deps): Promise<Sweep> {
  const due = await holdDueOperations(deps.db, OPERATIONS_PER_PASS);
  for (const one of due) {
    let operation: Operation | null = one;
    for (let i = 0; i < SLICES_PER_PASS && operation?.finishedAt === null; i++) {
      operation = await advance(deps, operation);
    }
  }
  const nextInMs = await untilNextOperationMs(deps.db);
  return { looked: due.length, nextInMs: nextInMs === null ? null : Math.max(nextInMs, BREATH_MS) };
}

async function lookAt(deps: Deps, due: DueJob[], trustLeases: boolean): Promise<void> {
  if (due.length === 0) return;
  const { timing } = deps.config;
  const expired = due.filter((job) => job.state !== "running" && isPast(job.expiresAt, job.readAt));
  const dead = trustLeases
    ? due.filter((job) => job.state === "running" && isPast(job.leaseUntil, job.readAt))
    : [];
  const stopped = dead.filter((job) => job.cancelRequestedAt !== null);
  const crashed = dead.filter(
    (job) => job.cancelRequestedAt === null && job.crashes + 1 >= timing.maxCrashes,
  );
  const ended = await Promise.all([
    ...expired.map((job) => expireJob(deps.db, job, storedError(job, "expired"))),
    ...stopped.map((job) => stopDeadRun(deps.db, job)),
    ...crashed.map((job) => crashJob(deps.db, job, storedError(job, "crashed"), timing)),
  ]);
  await tell(deps, ended);
  const handled = new Set<DueJob>([...expired, ...stopped, ...crashed]);
  const lost = dead.filter((job) => !handled.has(job));
  const waiting = due.filter((job) => job.state === "pending" && !handled.has(job));
  // Postponed before they are rung: a job that starts at once must not be looked at again by this pass.
  await postpone(
    deps.db,
    due.filter((job) => !handled.has(job)),
    timing,
  );
  await ring(deps, [...lost, ...(await unheard(deps, waiting))]);
}

async function tell(deps: Deps, jobs: (Job | null)[]): Promise<void> {
  const news = jobs.flatMap((job) => (job ? [{ job, event: moveEvent(job, deps.now()) }] : []));
  if (news.length > 0) await announce(deps, news);
}

/**
 * Those whose doorbell is not in its queue: nobody has rung for them yet, or it got lost. While the queue's oldest
 * message is older than the time a job became due, the job's own message is behind that one, and another would only
 * make the queue longer.
 */
async function unheard(deps: Deps, jobs: DueJob[]): Promise<DueJob[]> {
  if (jobs.length === 0) return [];
  const [oldestJobs, oldestBulk] = await Promise.all([oldest(deps.jobsQueue), oldest(deps.bulkQueue)]);
  return jobs.filter((job) => !job.rung || job.runAt <= (job.lane === "bulk" ? oldestBulk : oldestJobs));
}

async function oldest(queue: Queue): Promise<number> {
  try {
    const { backlogCount, oldestMessageTimestamp } = await queue.metrics();
    if (backlogCount === 0 || !oldestMessageTimestamp) return Number.POSITIVE_INFINITY;
    return new Date(oldestMessageTimestamp).getTime();
  } catch {
    // No metrics: ring, at worst one message too many.
    return Number.POSITIVE_INFINITY;
  }
}

function isPast(instant: number | null, now: number): boolean {
  return instant !== null && instant <= now;
}

function storedError(job: Job, code: ErrorCode): StoredError {
  const { message, retryable } = ERRORS[code];
  const error = { code, message, retryable };
  return { json: JSON.stringify(error), fingerprint: fingerprintOf(job.task, error) };
}

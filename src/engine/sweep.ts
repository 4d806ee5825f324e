// One pass of the clock: everything whose wake time has come gets what it needs, in slices.

import { ERRORS, type ErrorCode } from "../core/errors";
import { moveEvent } from "../core/events";
import { fingerprintOf } from "../core/fingerprint";
import type { Job } from "../core/job";
import type { Operation } from "../core/operation";
import type { Deps } from "../deps";
import { errorField } from "../log";
import { type DueJob, findDue, postpone, untilNextDueMs } from "../store/due";
import { findErased, untilNextErasureMs } from "../store/erasure";
import { findLines } from "../store/line";
import { crashJob, expireJob, type StoredError, spareJob, stopDeadRun } from "../store/moves";
import { holdDueOperations, untilNextOperationMs } from "../store/operations";
import { afterEnd } from "./after-end";
import { announce } from "./announce";
import { wakeBudgets } from "./budget-wake";
import { endLogs } from "./end-log";
import { finishErasing } from "./erase";
import { nudgeGates } from "./gates";
import { advance } from "./operate";
import { bounded, isBulk, ring } from "./ring";
import { closeUnsettled, hasUnsettled } from "./unsettled";

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
  const budgets = await wakeBudgets(deps);
  const lines = await lookAfterLines(deps);
  const parts = [jobs, erased, operations, budgets];
  const looked = parts.reduce((sum, part) => sum + part.looked, 0);
  return { looked, nextInMs: soonest(lines, ...parts.map((part) => part.nextInMs)) };
}

/** A gate that has lost its timer and its alarm is woken by this. Returns when to look again; null: nobody is in line. */
async function lookAfterLines(deps: Deps): Promise<number | null> {
  const pools = await findLines(deps.db);
  await nudgeGates(deps, pools);
  return pools.length > 0 ? deps.config.timing.passEveryMs : null;
}

function soonest(...times: (number | null)[]): number | null {
  const known = times.filter((ms) => ms !== null);
  return known.length === 0 ? null : Math.min(...known);
}

async function lookAtDue(deps: Deps, trustLeases: boolean): Promise<Sweep> {
  let looked = 0;
  for (let i = 0; i < SLICES_PER_PASS; i++) {
    const due = await findDue(deps.db, SLICE, deps.config.timing);
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
  const crashed = await withoutWord(
    deps,
    dead.filter((job) => job.cancelRequestedAt === null && job.crashes + 1 >= timing.maxCrashes),
  );
  const ended = await Promise.all([
    ...expired.map((job) => expireJob(deps.db, job, storedError(job, "expired"))),
    ...stopped.map((job) => stopDeadRun(deps.db, job)),
    ...crashed.map((job) => crashJob(deps.db, job, storedError(job, "crashed"), timing)),
  ]);
  await tell(deps, ended);
  deps.background(
    afterEnd(
      deps,
      ended.filter((job) => job !== null),
    ),
  );
  for (const job of ended) if (job && job.run > 0) deps.background(closeUnsettled(deps, job));
  const handled = new Set<DueJob>([...expired, ...stopped, ...crashed]);
  const lost = dead.filter((job) => !handled.has(job));
  const waiting = due.filter((job) => job.state === "pending" && !handled.has(job));
  const queues = await lookAtQueues(deps, waiting);
  // Postponed before they are rung: a job that starts at once must not be looked at again by this pass.
  const rest = due.filter((job) => !handled.has(job));
  const [unsure, sure] = partition(rest, (job) => job.state === "pending" && queues.isEmpty(job));
  await postpone(deps.db, unsure, "soon", timing);
  await postpone(deps.db, sure, "later and later", timing);
  await ring(deps, [...lost, ...waiting.filter((job) => job.pool === null && !queues.mayHold(job))]);
}

/** Those whose last run has left nothing in R2. What has, is spared for a run that finds it. */
async function withoutWord(deps: Deps, jobs: DueJob[]): Promise<DueJob[]> {
  const crashed: DueJob[] = [];
  for (const job of jobs) {
    try {
      if (await hasUnsettled(deps, job)) await spareJob(deps.db, job);
      else crashed.push(job);
    } catch (error) {
      // Nobody knows yet: the clock looks again.
      deps.log("crash_put_off", { job: job.id, error: errorField(error) });
    }
  }
  return crashed;
}

function partition<T>(items: T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}

async function tell(deps: Deps, jobs: (Job | null)[]): Promise<void> {
  const ended = jobs.filter((job) => job !== null);
  await announce(
    deps,
    ended.map((job) => ({ job, event: moveEvent(job, deps.now()) })),
  );
  await endLogs(deps, ended);
}

/** What the queues tell of the doorbells of these jobs. */
type Queues = {
  /**
   * The job's doorbell may be in its queue still: while the oldest message there is older than the time the job became due,
   * the job's own is behind that one, and another would only make the queue longer.
   */
  mayHold(job: DueJob): boolean;
  /** No doorbell is in its queue, so that this job's got lost if it was rung. */
  isEmpty(job: DueJob): boolean;
};

async function lookAtQueues(deps: Deps, jobs: DueJob[]): Promise<Queues> {
  const none = { isEmpty: false, oldestAt: Number.POSITIVE_INFINITY };
  const [usual, bulk] =
    jobs.length === 0 ? [none, none] : await Promise.all([look(deps.jobsQueue), look(deps.bulkQueue)]);
  const queueOf = (job: DueJob) => (isBulk(job) ? bulk : usual);
  return {
    mayHold: (job) => job.rung && job.runAt > queueOf(job).oldestAt,
    isEmpty: (job) => queueOf(job).isEmpty,
  };
}

async function look(queue: Queue): Promise<{ isEmpty: boolean; oldestAt: number }> {
  try {
    const { backlogCount, oldestMessageTimestamp } = await bounded(queue.metrics());
    const isEmpty = backlogCount === 0;
    const oldestAt = oldestMessageTimestamp ? new Date(oldestMessageTimestamp).getTime() : Number.NaN;
    return { isEmpty, oldestAt: isEmpty || Number.isNaN(oldestAt) ? Number.POSITIVE_INFINITY : oldestAt };
  } catch {
    // No metrics: ring, at worst one message too many.
    return { isEmpty: false, oldestAt: Number.POSITIVE_INFINITY };
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

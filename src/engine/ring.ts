// Rings the queue for jobs that are due. A doorbell that gets lost is rung again by the clock, or by its gate.

import { type Ticket, ticketOf } from "../core/gate/ticket";
import type { Job } from "../core/job";
import type { Deps } from "../deps";
import type { Doorbell } from "../env";
import { errorField } from "../log";
import { within } from "../store/within";
import { nudgeGates } from "./gates";

/** A send has been seen to hang for a minute; neither a run nor the clock waits for that. */
const PATIENCE_MS = 10_000;

/** Messages in one call to a queue (platform limit). */
const MESSAGES_PER_CALL = 100;

/** More jobs of one pool than this are not rung one by one: their gate reads the line, and rings when a turn comes. */
const RUNG_AT_MOST = 10;

/** Never throws: the jobs are stored, and the clock looks at them in any case. */
export async function ring(deps: Deps, jobs: Job[]): Promise<void> {
  const many = [...Map.groupBy(jobs.filter(isInLine), (job) => job.pool ?? "")]
    .filter(([, inLine]) => inLine.length > RUNG_AT_MOST)
    .map(([pool]) => pool);
  const rung = jobs.filter((job) => !(isInLine(job) && many.includes(job.pool ?? "")));
  await Promise.all([
    nudgeGates(deps, many),
    ...[...Map.groupBy(rung, (job) => queueOf(deps, job))].map(([queue, ofQueue]) =>
      send(deps, queue, ofQueue.map(doorbellOf)),
    ),
  ]);
}

/** By a gate: for those whose turn it is. Never throws: a slot that nobody comes for is looked after. */
export async function ringTurns(deps: Deps, pool: string, tickets: Ticket[]): Promise<void> {
  const bell = (ticket: Ticket) => ({ p: ticket.projectId, id: ticket.id, gate: { pool, ticket } });
  await Promise.all(
    [...Map.groupBy(tickets, (ticket) => queueOf(deps, ticket))].map(([queue, ofQueue]) =>
      send(deps, queue, ofQueue.map(bell)),
    ),
  );
}

/** Rings after a while: for a job that somebody still holds, who will not come back to it. Never throws. */
export async function ringLater(deps: Deps, job: Job, delayMs: number): Promise<void> {
  try {
    const delaySeconds = Math.ceil(delayMs / 1_000) + 1;
    await bounded(queueOf(deps, job).send(doorbellOf(job), { delaySeconds }));
  } catch (error) {
    deps.log("ring_failed", { jobs: 1, error: errorField(error) });
  }
}

function queueOf(deps: Deps, job: Ringable): Queue<Doorbell> {
  return isBulk(job) ? deps.bulkQueue : deps.jobsQueue;
}

type Ringable = Pick<Job, "lane"> & Partial<Pick<Job, "children">>;

/** In which queue a job's doorbell is. A parent's never stands behind those of its children. */
export function isBulk({ lane, children = null }: Ringable): boolean {
  return lane === "bulk" && children === null;
}

/** A job that runs has its slot, also when its run has died. */
function isInLine(job: Job): boolean {
  return job.pool !== null && job.state === "pending";
}

function doorbellOf(job: Job): Doorbell {
  const bell = { p: job.projectId, id: job.id };
  if (job.pool === null || !isInLine(job)) return bell;
  return { ...bell, gate: { pool: job.pool, ticket: ticketOf(job) } };
}

async function send(deps: Deps, queue: Queue<Doorbell>, bells: Doorbell[]): Promise<void> {
  for (let i = 0; i < bells.length; i += MESSAGES_PER_CALL) {
    const slice = bells.slice(i, i + MESSAGES_PER_CALL);
    try {
      await bounded(queue.sendBatch(slice.map((body) => ({ body }))));
    } catch (error) {
      deps.log("ring_failed", { jobs: slice.length, error: errorField(error) });
    }
  }
}

/** The call's answer. Throws when there is none in time. */
export function bounded<T>(call: Promise<T>): Promise<T> {
  return within(PATIENCE_MS, call, () => new Error("the queue does not answer"));
}

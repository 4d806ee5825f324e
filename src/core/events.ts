// What listeners are told. An event is a hint: the job in the database is the truth, `version` tells old news from new.

import { type ChildCounts, openChildren } from "./children";
import type { Job, JobError, Progress } from "./job";
import type { Reason, State } from "./lifecycle";

/** A state change. Kept by the hub, so that a listener who was away gets it. Never holds an input or an output. */
export type MoveEvent = {
  type:
    | "job.submitted"
    | "job.started"
    | "job.retrying"
    | "job.continuing"
    | "job.waiting"
    | "job.cancelling"
    | "job.completed"
    | "job.failed"
    | "job.cancelled";
  job_id: string;
  task: string;
  channel: string | null;
  version: number;
  at: string;
  state: State;
  reason: Reason | null;
  run: number;
  attempt: number;
  error: JobError | null;
};

/** Children that end in a second, and the seconds until all have, at that rate. Null: not known yet. */
export type Pace = { per_s: number | null; eta_s: number | null };

/**
 * How far a run is, or how many of a job's children have ended: then with their pace. Told to those who listen now, not kept.
 */
export type ProgressEvent = {
  type: "job.progress";
  job_id: string;
  version: number;
  at: string;
  run: number;
  pace?: Pace;
} & Progress;

export type JobEvent = MoveEvent | ProgressEvent;

/** Which events a hub stores for replay: those after which nothing else would tell a listener the same. */
export function isKept(event: JobEvent): boolean {
  return event.type !== "job.started" && event.type !== "job.progress";
}

/** Whether an event ends a job. */
export function isEnd(event: JobEvent): boolean {
  return event.type === "job.completed" || event.type === "job.failed" || event.type === "job.cancelled";
}

/** The event that tells a job's present state, whatever move led there. */
export function moveEvent(job: Job, atMs: number): MoveEvent {
  return {
    type: eventType(job),
    job_id: job.id,
    task: job.task,
    channel: job.channel,
    version: job.version,
    at: new Date(atMs).toISOString(),
    state: job.state,
    reason: job.reason,
    run: job.run,
    attempt: job.attempt,
    error: job.error,
  };
}

/** How far the children of a job are. Null: it has none. */
export function parentProgress(job: Job, atMs: number): ProgressEvent | null {
  if (!job.children) return null;
  const { id, version, run } = job;
  const at = new Date(atMs).toISOString();
  return {
    type: "job.progress",
    job_id: id,
    version,
    at,
    run,
    ...childProgress(job.children),
    pace: paceOf(job),
  };
}

/** Of all children that there are so far, how many have ended. */
export function childProgress(children: ChildCounts): Progress {
  return { done: children.total - openChildren(children), total: children.total, message: null };
}

/** Since the job was started: a pause on the way counts as work. */
export function paceOf(job: Pick<Job, "children" | "startedAt" | "finishedAt" | "readAt">): Pace {
  const { children, startedAt, finishedAt, readAt } = job;
  const passedS = startedAt === null ? 0 : ((finishedAt ?? readAt) - startedAt) / 1_000;
  const open = children ? openChildren(children) : 0;
  const ended = children ? children.total - open : 0;
  if (passedS <= 0 || ended === 0) return { per_s: null, eta_s: null };
  const perS = ended / passedS;
  return { per_s: Math.round(perS * 100) / 100, eta_s: Math.round(open / perS) };
}

function eventType(job: Job): MoveEvent["type"] {
  switch (job.state) {
    case "completed":
      return "job.completed";
    case "failed":
      return "job.failed";
    case "cancelled":
      return "job.cancelled";
    case "running":
      return job.cancelRequestedAt === null ? "job.started" : "job.cancelling";
    case "waiting":
      return "job.waiting";
    case "pending":
      if (job.reason === "retrying" || job.reason === "rate_limited") return "job.retrying";
      // Not by its attempt, which a turn has given back. A rerun begins without turns.
      return job.turns > 0 ? "job.continuing" : "job.submitted";
  }
}

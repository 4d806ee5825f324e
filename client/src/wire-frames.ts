// What travels on the event sockets: a snapshot first, then each event.

import type { Job, JobError, JobState, Progress } from "./wire.ts";

/** A state change. Never holds an input or an output: fetch the job. */
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
  /** Rises with every change of the job. */
  version: number;
  at: string;
  state: JobState;
  reason: "queued" | "scheduled" | "retrying" | "rate_limited" | null;
  run: number;
  attempt: number;
  error: JobError | null;
};

/** Children that end in a second, and the seconds until all have, at that rate. Null: not known yet. */
export type Pace = { per_s: number | null; eta_s: number | null };

/**
 * How far a run is, or how many of a job's children have ended: then with their pace. Told to those who listen now, and not
 * replayed.
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

/** An event, and the place to come back to after it. */
export type EventFrame = JobEvent & { cursor: string };

/** How things stand. Of a job: the job, null if it does not exist. Of a channel: its newest 100 jobs. */
export type SnapshotFrame =
  | { type: "snapshot"; cursor: string; job: Job | null }
  | { type: "snapshot"; cursor: string; channel: string | null; jobs: Job[] };

/** The cursor was too old to be replayed: something may have been missed, and the snapshot that follows is the truth. */
export type ResetFrame = { type: "reset"; cursor: string };

export type Frame = SnapshotFrame | ResetFrame | EventFrame;

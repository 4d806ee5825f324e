// What travels on the event sockets: a snapshot first, then each event.

import type { JobEvent } from "../core/events";
import type { JobOnWire } from "./job";

/** How things stand. For a job: the job, null if it does not exist (any more). For a channel: its newest 100 jobs. */
export type SnapshotFrame =
  | { type: "snapshot"; cursor: string; job: JobOnWire | null }
  | { type: "snapshot"; cursor: string; channel: string | null; jobs: JobOnWire[] };

/** The cursor that was asked for is too old to be replayed; a snapshot follows. */
export type ResetFrame = { type: "reset"; cursor: string };

export type EventFrame = JobEvent & { cursor: string };

export type Frame = SnapshotFrame | ResetFrame | EventFrame;

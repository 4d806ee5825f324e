// What the stream of a job holds, message by message.

import type { ToolCall } from "./task-types.ts";
import type { JobError, JobState, Progress } from "./wire.ts";

export type StreamMessage =
  | { type: "text"; text: string }
  /** What the model thinks before it answers; no part of the text. */
  | { type: "reasoning"; text: string }
  /** A piece of the arguments' JSON text; id and name stand on each piece. */
  | { type: "tool_call"; id: string; name: string; arguments: string }
  | ({ type: "progress" } & Progress)
  /** A run is over and the job is not: it is tried again, or goes on. */
  | { type: "state"; state: JobState; run: number; attempt: number; error: JobError | null }
  /** What was said so far is void: it is exactly this instead. */
  | { type: "rollback"; to: string; text: string; reasoning?: string; tool_calls?: ToolCall[] }
  /** Something follows only if the job is run again. `cut`: the last words did not get here, the job's output has them. */
  | { type: "end"; state: JobState; error: JobError | null; cut?: true };

/** Where a reader stands after the messages before it. */
export type StreamControl = { streamNextOffset: string; streamClosed?: true };

// What the stream of a job holds: a JSON message for each piece of what the model says, each step, and the end.

import { isEnd, type MoveEvent } from "../events";
import type { Job, JobError, Progress } from "../job";
import type { State } from "../lifecycle";
import type { ToolCall } from "../tool-call";

export type LogMessage =
  /** The model's words, in the order in which it says them. */
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string }
  /** A piece of the arguments of a call; the first may be empty. */
  | ({ type: "tool_call" } & ToolCall)
  | ({ type: "progress" } & Progress)
  /** A run is over and the job is not: it is tried again, or goes on. */
  | { type: "state"; state: State; run: number; attempt: number; error: JobError | null }
  /** A run starts over: what stands behind this offset is void, and what was said so far is this. */
  | { type: "rollback"; to: string; text: string; reasoning?: string; tool_calls?: ToolCall[] }
  /** `cut`: the last words of the job did not get here. Its output has them. */
  | { type: "end"; state: State; error: JobError | null; cut?: true };

/** Messages, on lines of their own, that only who holds the key can read (store/vault.ts). */
export type SealedLines = { type: "sealed"; lines: string };

/** Who writes: which run, into which stream, and how many turns of the job there were before it. */
export type Producer = { id: string; run: number; turns: number };

/** To the run: up to `stored` it need not keep what it has said. `tail`: from there on the object wants to hear it. */
export type LogNote = { stored: number; tail?: number };

/** Closes the socket of a run that may not write (any more): another has taken its place, or the stream is closed. */
export const SHUT_OUT = 4409;

/** A name that no stream of an app can have. */
export function jobLogId({ projectId, id }: Pick<Job, "projectId" | "id">): string {
  return `${projectId}/!${id}`;
}

/** Of which job a stream is. */
export function jobOf(logId: string): Pick<Job, "projectId" | "id"> {
  const [projectId = "", id = ""] = logId.split("/!");
  return { projectId, id };
}

/** How a run has left its job. */
export function closingMessage(event: MoveEvent): LogMessage {
  const { state, run, attempt, error } = event;
  return isEnd(event) ? { type: "end", state, error } : { type: "state", state, run, attempt, error };
}

export function toLine(message: LogMessage | SealedLines): string {
  return `${JSON.stringify(message)}\n`;
}

/** What is joined is cut there, so that a message stays small. */
const MOST_JOINED_CHARS = 16_000;

/** Adds to what is about to be said: words go on with the words before them, and progress replaces older progress. */
export function addMessage(said: LogMessage[], message: LogMessage): void {
  const last = said.at(-1);
  const joined = last ? joinedMessage(last, message) : null;
  if (joined) said[said.length - 1] = joined;
  else said.push(message);
}

/** Null: they stay two. */
function joinedMessage(last: LogMessage, next: LogMessage): LogMessage | null {
  if (next.type === "progress") return last.type === "progress" ? next : null;
  if (next.type === "tool_call") {
    const isSame = last.type === "tool_call" && last.id === next.id;
    if (!isSame || last.arguments.length >= MOST_JOINED_CHARS) return null;
    return { ...next, arguments: last.arguments + next.arguments };
  }
  const isWords = (last.type === "text" || last.type === "reasoning") && last.type === next.type;
  return isWords && last.text.length < MOST_JOINED_CHARS ? { ...next, text: last.text + next.text } : null;
}

// What failed jobs have in common: a short name for the cause, the same for the same cause.

import type { JobError } from "./job";

const LONGEST_MESSAGE = 200;

/** 16 hex digits of the task, the error's code and its message without what differs from job to job. */
export function fingerprintOf(task: string, error: Pick<JobError, "code" | "message">): string {
  const cause = `${task}\n${error.code}\n${withoutDetails(error.message)}`;
  return hash(cause, 0x811c9dc5) + hash(cause, 0x9e3779b9);
}

/** Quoted text, ids and numbers are details: with them every failure would be of its own kind. */
function withoutDetails(message: string): string {
  return message
    .toLowerCase()
    .replace(/"[^"]*"|'[^']*'|`[^`]*`/g, "…")
    .replace(/[\w-]*\d[\w.-]*/g, "#")
    .replace(/\s+/g, " ")
    .slice(0, LONGEST_MESSAGE);
}

/** FNV-1a, 32 bits. */
function hash(text: string, seed: number): string {
  let value = seed;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return (value >>> 0).toString(16).padStart(8, "0");
}

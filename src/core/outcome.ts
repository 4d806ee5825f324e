// What a task returns. One place (engine/settle.ts) turns it into exactly one move.

import type { CacheRequest } from "./cache";
import type { OnChildFailure } from "./children";
import type { JobError } from "./job";

/** A job that its parent has made. What is left out is the task's default, or the parent's own. */
export type Child = {
  /** What its parent, or whoever made the batch, calls it. */
  customId?: string;
  task: string;
  input: unknown;
  metadata?: Record<string, unknown>;
  priority?: number;
  maxAttempts?: number;
  timeoutS?: number;
  /** Default: no cache. */
  cache?: CacheRequest;
  /** Where it comes from, for the words of an error: "line 17". */
  place?: string;
};

/** One that cannot be a job: it is a child that has failed from the beginning. */
export type BrokenChild = Pick<Child, "customId" | "task"> & { error: JobError };

export type Outcome<Output = unknown> =
  | { kind: "done"; output: Output }
  | { kind: "again"; state: unknown; delayMs: number; children: (Child | BrokenChild)[] }
  | {
      kind: "wait";
      state: unknown;
      children: (Child | BrokenChild)[];
      onChildFailure: OnChildFailure;
    };

/** The job is complete with this output. */
export function done<Output>(output: Output): Outcome<Output> {
  return { kind: "done", output };
}

/**
 * Go on later, in a fresh run, with `state` as `ctx.state`. Uses no attempt. `children` are stored in the same transaction,
 * and nobody waits for them yet.
 */
export function again(state: unknown, delayMs = 0, children: (Child | BrokenChild)[] = []): Outcome<never> {
  return { kind: "again", state, delayMs, children };
}

/**
 * Go on when all children have ended, these and those of earlier turns: in a fresh run, with `state` as `ctx.state` and what
 * they have done in `ctx.children`. Uses no attempt. `onChildFailure`: `fail` (default) fails the job as soon as a child
 * fails or is cancelled, `ignore` waits for the others, `continue` goes on at once.
 */
export function wait(
  children: (Child | BrokenChild)[],
  { state = null, onChildFailure = "fail" }: { state?: unknown; onChildFailure?: OnChildFailure } = {},
): Outcome<never> {
  return { kind: "wait", state, children, onChildFailure };
}

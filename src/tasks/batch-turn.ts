// A turn of a job over many items: it stores the next ones, or writes what they all have done.

import { z } from "zod";
import { AppError } from "../core/errors";
import { LIMITS } from "../core/limits";
import { again, done, type Outcome, wait } from "../core/outcome";
import type { Made } from "./batch-items";
import { errorLine, linesOf } from "./batch-lines";
import type { TaskContext } from "./define";
import { jobFileField, toField } from "./job-file-field";

/** `state.next` null: these are the last ones. */
type Items<State> = { children: Made[]; state: State & { next: unknown } };

/** Stores what `read` gives, and waits when all are there. `stop`: the job fails with the first item that does. */
export async function storeItems<State>(
  ctx: TaskContext,
  onItemFailure: "continue" | "stop" | undefined,
  read: () => Promise<Items<State>>,
): Promise<Outcome<never>> {
  const onChildFailure = onItemFailure === "stop" ? ("fail" as const) : ("ignore" as const);
  // With the state as it is: should the job be retried, it reads on.
  if (onChildFailure === "fail" && ctx.children.failed > 0)
    return wait([], { state: ctx.state, onChildFailure });
  const { children, state } = await read();
  return state.next === null ? wait(children, { state, onChildFailure }) : again(state, 0, children);
}

/** Throws `children_exceeded`. */
export function checkCount(total: number): void {
  if (total <= LIMITS.batchFileItems) return;
  const message = `The file has more than ${LIMITS.batchFileItems} lines. Split it into several batches.`;
  throw new AppError("children_exceeded", { message });
}

/** What a batch gives as its output. */
export const batchOutput = z.strictObject({
  total: z.int(),
  completed: z.int(),
  failed: z.int(),
  cancelled: z.int(),
  /** The output and the errors: of GET /v1/batches/{id}/output and /errors too. */
  files: z.array(jobFileField),
});

export const ERRORS_FILE = "errors.jsonl";

/** Writes both files. `lines`: of the output. */
export async function finish(
  ctx: TaskContext,
  name: string,
  lines: AsyncIterable<string>,
): Promise<Outcome<z.infer<typeof batchOutput>>> {
  const { total, completed, failed, cancelled } = ctx.children;
  const files = [
    await ctx.write(name, lines),
    await ctx.write(ERRORS_FILE, linesOf(ctx.children.ended(["failed", "cancelled"]), errorLine)),
  ];
  return done({ total, completed, failed, cancelled, files: files.map(toField) });
}

// Task `batch`: one task over many inputs, each a job of its own.
//
// It reads a slice of its file, stores the items in the transaction that ends its turn, and so goes on until all are there.
// Then it waits for them, and writes what they have done into two files, in the order of the input.

import { z } from "zod";
import { AppError } from "../core/errors";
import { LIMITS } from "../core/limits";
import { again, done, type Outcome, wait } from "../core/outcome";
import { type BatchInput, batchInput, START_OF_FILE } from "./batch-input";
import { childOf, readSlice } from "./batch-items";
import { errorLine, outputLine } from "./batch-lines";
import { defineTask, type EndedChild, type TaskContext } from "./define";

/** The names of the two files. */
export const OUTPUT_FILE = "output.jsonl";
export const ERRORS_FILE = "errors.jsonl";

const output = z.strictObject({
  total: z.int(),
  completed: z.int(),
  failed: z.int(),
  cancelled: z.int(),
  /** Of GET /v1/batches/{id}/output and /errors. */
  output_bytes: z.int(),
  errors_bytes: z.int(),
});

/** What a turn leaves for the next: where the next slice begins; null once all items are there. */
const turnState = z.object({ next: z.object({ offset: z.int(), line: z.int() }).nullable() });

export const batch = defineTask<BatchInput, z.infer<typeof output>>({
  name: "batch",
  description: "One task over up to 50,000 inputs. See POST /v1/batches.",
  kind: null,
  input: batchInput,
  output,
  maxInputBytes: LIMITS.bulkBodyBytes,
  size: () => ({ chars: 0, maxOutputTokens: null }),
  defaults: { max_attempts: 5, timeout_s: LIMITS.timeoutS },

  async run(input, ctx) {
    const { next } = turnState.parse(ctx.state ?? { next: START_OF_FILE });
    if (next === null) return finish(ctx);
    const onChildFailure = input.on_item_failure === "stop" ? ("fail" as const) : ("ignore" as const);
    const all = { state: { next: null }, onChildFailure };
    const { file_id } = input;
    if (file_id === undefined) {
      const items = input.items ?? [];
      return wait(
        items.map((item, i) => childOf(input, item, `items[${i}]`)),
        all,
      );
    }
    if (onChildFailure === "fail" && ctx.children.failed > 0) return wait([], all);
    const slice = await readSlice(ctx.files, { ...input, file_id }, next);
    checkCount(ctx.children.total + slice.children.length);
    return slice.next === null ? wait(slice.children, all) : again({ next: slice.next }, 0, slice.children);
  },
});

function checkCount(total: number): void {
  if (total <= LIMITS.batchFileItems) return;
  const message = `The file has more than ${LIMITS.batchFileItems} lines. Split it into several batches.`;
  throw new AppError("children_exceeded", { message });
}

async function finish(ctx: TaskContext): Promise<Outcome<z.infer<typeof output>>> {
  const { total, completed, failed, cancelled } = ctx.children;
  const written = await ctx.write(OUTPUT_FILE, lines(ctx.children.ended(["completed"]), outputLine));
  const errors = await ctx.write(ERRORS_FILE, lines(ctx.children.ended(["failed", "cancelled"]), errorLine));
  return done({
    total,
    completed,
    failed,
    cancelled,
    output_bytes: written.bytes,
    errors_bytes: errors.bytes,
  });
}

async function* lines(
  items: AsyncIterable<EndedChild>,
  toLine: (item: EndedChild) => string,
): AsyncGenerator<string, void, undefined> {
  for await (const item of items) yield toLine(item);
}

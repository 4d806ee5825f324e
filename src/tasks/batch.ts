// Task `batch`: one task over many inputs, each a job of its own.
//
// It reads a slice of its file, stores the items in the transaction that ends its turn, and so goes on until all are there.
// Then it waits for them, and writes what they have done into two files, in the order of the input.

import { z } from "zod";
import { LIMITS } from "../core/limits";
import type { LinePlace } from "../core/lines-reader";
import { type BatchInput, batchInput } from "./batch-input";
import { childOf, readItems } from "./batch-items";
import { linesOf, outputLine } from "./batch-lines";
import { batchOutput, checkCount, finish, storeItems } from "./batch-turn";
import { defineTask, type Files } from "./define";
import { START_OF_FILE } from "./read-slice";

export const OUTPUT_FILE = "output.jsonl";

/** What a turn leaves for the next: where the next slice begins; null once all items are there. */
const turnState = z.object({ next: z.object({ offset: z.int(), line: z.int() }).nullable() });

export const batch = defineTask<BatchInput, z.infer<typeof batchOutput>>({
  name: "batch",
  description: "One task over up to 50,000 inputs. See POST /v1/batches.",
  kind: null,
  input: batchInput,
  output: batchOutput,
  lane: "bulk",
  writesFiles: () => true,
  maxInputBytes: LIMITS.bulkBodyBytes,
  size: () => ({ chars: 0, maxOutputTokens: null }),
  defaults: { max_attempts: 5, timeout_s: LIMITS.timeoutS },

  async run(input, ctx) {
    const { next } = turnState.parse(ctx.state ?? { next: START_OF_FILE });
    if (next === null)
      return finish(ctx, OUTPUT_FILE, linesOf(ctx.children.ended(["completed"]), outputLine));
    return storeItems(ctx, input.on_item_failure, async () => {
      const { children, next: after } = await itemsFrom(ctx.files, input, next);
      checkCount(ctx.children.total + children.length);
      return { children, state: { next: after } };
    });
  },
});

async function itemsFrom(files: Files, input: BatchInput, from: LinePlace) {
  const { file_id, items = [] } = input;
  if (file_id !== undefined) return readItems(files, { ...input, file_id }, from);
  return { children: items.map((item, i) => childOf(input, item, `items[${i}]`)), next: null };
}

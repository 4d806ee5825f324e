// What a batch is asked for: a task, what all items have in common, and the items, or the file that has them.

import { z } from "zod";
import { cacheSchema } from "../contract/cache";
import { LIMITS } from "../core/limits";

/** Anything but the control characters that a database and a log would spoil. */
const customId = z.string().min(1).max(LIMITS.customIdLength);

const itemFields = {
  metadata: z.record(z.string(), z.unknown()).optional(),
  priority: z.int().min(-100).max(100).optional(),
  max_attempts: z.int().min(1).max(LIMITS.maxAttempts).optional(),
  timeout_s: z.number().min(1).max(LIMITS.timeoutS).optional(),
  /** Equal items of a batch, and of batches before it, then share one answer. */
  cache: cacheSchema.optional(),
};

/** One item: a line of a file, or an element of `items`. */
export const batchItem = z.strictObject({
  /** Yours: comes back with the item's output. */
  custom_id: customId.optional(),
  input: z.unknown().nonoptional(),
  ...itemFields,
});

export type BatchItem = z.infer<typeof batchItem>;

export const batchFields = {
  task: z.string().min(1).max(64),
  /** What each item has that it does not say itself. `input` is merged under the item's, field by field. */
  defaults: z.strictObject({ input: z.record(z.string(), z.unknown()).optional(), ...itemFields }).optional(),
  items: z.array(batchItem).min(1).max(LIMITS.batchItems).optional(),
  file_id: z.string().min(1).max(64).optional(),
  on_item_failure: z.enum(["continue", "stop"]).optional(),
};

export const EITHER = {
  check: (batch: { items?: unknown; file_id?: unknown }) =>
    (batch.items === undefined) !== (batch.file_id === undefined),
  problem: { message: "expected either items or file_id, and one of the two", path: ["items"] },
};

export const batchInput = z.strictObject(batchFields).refine(EITHER.check, EITHER.problem);

export type BatchInput = z.infer<typeof batchInput>;

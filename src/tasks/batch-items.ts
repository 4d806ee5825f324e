// Makes jobs of the items of a batch: of those that came with it, and of the lines of its file.

import type { JobError } from "../core/job";
import { LIMITS } from "../core/limits";
import { type Line, type LinePlace, LinesReader } from "../core/lines-reader";
import type { BrokenChild, Child } from "../core/outcome";
import { type BatchInput, type BatchItem, batchItem } from "./batch-input";
import type { Files } from "./define";
import { parseJson, unreadable } from "./file-format";
import { readSlice } from "./read-slice";

export type Made = Child | BrokenChild;

/** `place`: where it comes from, for the words of an error. */
export function childOf({ task, defaults }: BatchInput, item: BatchItem, place: string): Child {
  return {
    customId: item.custom_id,
    task,
    input: mergedInput(defaults?.input, item.input),
    metadata: item.metadata ?? defaults?.metadata,
    priority: item.priority ?? defaults?.priority,
    maxAttempts: item.max_attempts ?? defaults?.max_attempts,
    timeoutS: item.timeout_s ?? defaults?.timeout_s,
    cache: item.cache ?? defaults?.cache,
    place,
  };
}

function mergedInput(common: Record<string, unknown> | undefined, own: unknown): unknown {
  const isObject = typeof own === "object" && own !== null && !Array.isArray(own);
  return common && isObject ? { ...common, ...own } : own;
}

/** Items of a slice: what one transaction of D1 takes in well under a second. */
export const SLICE_ITEMS = 500;

/** The items from this place on, as many as are stored at once. `next` null: they are the last. */
export async function readItems(
  files: Files,
  batch: BatchInput & { file_id: string },
  from: LinePlace,
): Promise<{ children: Made[]; next: LinePlace | null }> {
  const reader = new LinesReader(LIMITS.inputBytes, from);
  const { records, next } = await readSlice(files, batch.file_id, from, { reader, most: SLICE_ITEMS });
  return { children: records.map((line) => childOfLine(batch, line)), next };
}

function childOfLine(batch: BatchInput, line: Line): Made {
  const place = `line ${line.line}`;
  const tell = (problem: string, customId?: string) => brokenChild(batch.task, place, problem, customId);
  if (line.problem !== null) return tell(unreadable(line.problem, LIMITS.inputBytes));
  const json = parseJson(line.text);
  if (json === undefined) return tell("not JSON");
  const item = batchItem.safeParse(json);
  if (item.success) return childOf(batch, item.data, place);
  const [issue] = item.error.issues;
  const field = issue?.path.join(".") ?? "";
  const words =
    issue?.code === "unrecognized_keys"
      ? `${issue.message}; put what the task needs into "input"`
      : issue?.message;
  return tell(field === "" ? `${words}` : `${field}: ${words}`, nameOf(json));
}

/** Of an item that is broken elsewhere. */
function nameOf(json: unknown): string | undefined {
  const name = (json as { custom_id?: unknown } | null)?.custom_id;
  return typeof name === "string" && name.length <= LIMITS.customIdLength ? name : undefined;
}

export function brokenChild(task: string, place: string, problem: string, customId?: string): BrokenChild {
  const error: JobError = { code: "item_invalid", message: `${place}: ${problem}`, retryable: false };
  return { task, customId, error };
}

// Makes jobs of the items of a batch: of those that came with it, and of the lines of its file.

import type { JobError } from "../core/job";
import { JsonLinesReader, type Line, type LinePlace } from "../core/json-lines-reader";
import { LIMITS } from "../core/limits";
import type { BrokenChild, Child } from "../core/outcome";
import { type BatchInput, type BatchItem, batchItem } from "./batch-input";
import type { Files } from "./define";

type Made = Child | BrokenChild;

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

/** What is read of a file at once; a line fits into it. */
const WINDOW_BYTES = 2_000_000;

/** Items of a slice: what one transaction of D1 takes in well under a second. */
const SLICE_ITEMS = 500;

export type Slice = { children: Made[]; next: LinePlace | null };

/** The items from this place on, as many as are stored at once. `next` null: they are the last. */
export async function readSlice(
  files: Files,
  batch: BatchInput & { file_id: string },
  from: LinePlace,
): Promise<Slice> {
  const reader = new JsonLinesReader(LIMITS.inputBytes, from);
  const lines: Line[] = [];
  let at = from.offset;
  let isAtEnd = false;
  // A line that is longer than any window is read over, and is one broken item.
  while (lines.length === 0 && !isAtEnd) {
    const bytes = await files.read(batch.file_id, at, at + WINDOW_BYTES);
    at += bytes.byteLength;
    isAtEnd = bytes.byteLength < WINDOW_BYTES;
    lines.push(...reader.take(bytes), ...(isAtEnd ? reader.end() : []));
  }
  const taken = lines.slice(0, SLICE_ITEMS);
  const children = taken.map((line) => childOfLine(batch, line));
  const last = taken.at(-1);
  const isLast = !last || (isAtEnd && taken.length === lines.length);
  return { children, next: isLast ? null : { offset: last.end, line: last.line + 1 } };
}

function childOfLine(batch: BatchInput, line: Line): Made {
  const place = `line ${line.line}`;
  if (line.problem !== null) return broken(batch, place, UNREADABLE[line.problem]);
  const json = parse(line.text);
  if (json === undefined) return broken(batch, place, "not JSON");
  const item = batchItem.safeParse(json);
  if (item.success) return childOf(batch, item.data, place);
  const [issue] = item.error.issues;
  const field = issue?.path.join(".") ?? "";
  const words =
    issue?.code === "unrecognized_keys"
      ? `${issue.message}; put what the task needs into "input"`
      : issue?.message;
  return broken(batch, place, field === "" ? `${words}` : `${field}: ${words}`, nameOf(json));
}

const UNREADABLE = { too_long: `longer than ${LIMITS.inputBytes} bytes`, invalid_utf8: "not UTF-8" };

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Of an item that is broken elsewhere. */
function nameOf(json: unknown): string | undefined {
  const name = (json as { custom_id?: unknown } | null)?.custom_id;
  return typeof name === "string" && name.length <= LIMITS.customIdLength ? name : undefined;
}

function broken({ task }: BatchInput, place: string, problem: string, customId?: string): BrokenChild {
  const error: JobError = { code: "item_invalid", message: `${place}: ${problem}`, retryable: false };
  return { task, customId, error };
}

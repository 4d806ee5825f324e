// The texts of a corpus: those that came with the job, and the lines of its file.

import { z } from "zod";
import { AppError } from "../core/errors";
import { LIMITS } from "../core/limits";
import { type Line, type LinePlace, LinesReader } from "../core/lines-reader";
import type { Files } from "./define";
import { type EmbedInput, textsOf } from "./embed-input";
import { formatOf, parseJson, unreadable } from "./file-format";
import { readSlice, START_OF_FILE } from "./read-slice";

/** A text, and what its line says of it besides. */
export type Entry = { id?: string | number; text: string; metadata?: Record<string, unknown> };

const entryLine = z.union(
  [
    z.string().min(1),
    z.strictObject({
      id: z.union([z.string().max(LIMITS.customIdLength), z.int()]).optional(),
      text: z.string().min(1),
      metadata: z.record(z.string(), z.unknown()).optional(),
    }),
  ],
  'expected a text, or {"text": …} with perhaps an id (text or whole number) and metadata; no text may be empty',
);

/** Lines of a slice: short texts come in thousands, and are few children. */
const SLICE_LINES = 8_192;

/** The texts from this place on. Throws `item_invalid` for a line that is none, as the vectors are told from one another by their places. */
export async function readTexts(
  files: Files,
  input: EmbedInput,
  from: LinePlace,
): Promise<{ entries: Entry[]; next: LinePlace | null }> {
  const { file_id, format } = input;
  if (file_id === undefined) return { entries: textsOf(input).map((text) => ({ text })), next: null };
  const isText = (format ?? (await formatOf(files, file_id, ["jsonl", "text"]))) === "text";
  const reader = new LinesReader(LIMITS.corpusLineBytes, from);
  const { records, next } = await readSlice(files, file_id, from, { reader, most: SLICE_LINES });
  return { entries: records.map((line) => entryOf(line, isText)), next };
}

/** All of them, from the first one on. */
export async function* allTexts(files: Files, input: EmbedInput): AsyncGenerator<Entry, void, undefined> {
  for (let place: LinePlace | null = START_OF_FILE; place !== null; ) {
    const slice: Awaited<ReturnType<typeof readTexts>> = await readTexts(files, input, place);
    yield* slice.entries;
    place = slice.next;
  }
}

function entryOf(line: Line, isText: boolean): Entry {
  if (line.problem !== null) throw invalid(line, unreadable(line.problem, LIMITS.corpusLineBytes));
  if (isText) return { text: line.text };
  const parsed = entryLine.safeParse(parseJson(line.text));
  if (!parsed.success) throw invalid(line, parsed.error.issues[0]?.message ?? "");
  return typeof parsed.data === "string" ? { text: parsed.data } : parsed.data;
}

function invalid({ line }: Line, problem: string): AppError {
  return new AppError("item_invalid", { message: `line ${line}: ${problem}` });
}

// What a turn of task `summarize` leaves for the next: which level it is at, and which children are that level's.

import { z } from "zod";
import { jobFile } from "../long-text/source-input";

export const summarizeState = z.strictObject({
  /** Where the document is kept; null: in the input. */
  file: jobFile.nullable(),
  /** Tokens of a chunk, and of the notes that one call of a later level reads. Models may change between turns, these do not. */
  tokens: z.strictObject({ chunk: z.int(), notes: z.int() }),
  /** 0: the children are the chunks. */
  level: z.int(),
  /** Of what children this level reads the answers, by index: from, and up to. */
  reads: z.tuple([z.int(), z.int()]).nullable(),
  /** The index of its first child; its last one is the last there is. */
  first: z.int(),
  /** All of its children are there. */
  isMade: z.boolean(),
  /** How many chunks there are, and how many of them had no answer when the notes were read first. */
  chunks: z.int(),
  missing: z.int(),
});

export type SummarizeState = z.infer<typeof summarizeState>;

const span = z.tuple([z.int(), z.int()]);

/** Of a child: the place of a chunk, and what the marks in its answer lead to. */
export const childMetadata = z.strictObject({
  level: z.int(),
  start: z.int().optional(),
  end: z.int().optional(),
  marks: z.array(span).optional(),
});

export type ChildMetadata = z.infer<typeof childMetadata>;

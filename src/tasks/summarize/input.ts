// What task `summarize` is asked for, and what it answers.

import { z } from "zod";
import { longTextFields, ONE_SOURCE, sourceOutput } from "../long-text/source-input";

export const STYLES = ["paragraph", "bullets", "outline"] as const;

/** Words of a summary. */
export const LENGTHS = { short: 80, medium: 250, long: 800 };

const fields = z.strictObject({
  ...longTextFields,
  style: z.enum(STYLES).optional(),
  length: z
    .union([z.enum(["short", "medium", "long"]), z.int().min(20).max(10_000)], {
      error: 'expected "short", "medium", "long" or a number of words from 20 to 10000',
    })
    .optional(),
  /** Of the summary; default: that of the text. */
  language: z.string().min(2).max(60).optional(),
  citations: z.boolean().optional(),
  overlap_tokens: z.int().min(0).max(10_000).optional(),
  on_chunk_failure: z.enum(["fail", "skip"]).optional(),
});

export type SummarizeInput = z.infer<typeof fields>;

export const summarizeInput = fields
  .refine(ONE_SOURCE.check, ONE_SOURCE.problem)
  .refine(({ overlap_tokens = 0, max_chunk_tokens = Infinity }) => overlap_tokens <= max_chunk_tokens / 2, {
    message: "expected at most half of max_chunk_tokens",
    path: ["overlap_tokens"],
  });

/** `start` and `end` are places in the source as text, in UTF-16 code units; `page` is that of a PDF. */
const place = { start: z.int(), end: z.int(), page: z.int().optional() };

export const summarizeOutput = z.strictObject({
  /** With citations, `[n]` stands behind what it says. */
  summary: z.string(),
  citations: z.array(z.strictObject({ n: z.int(), ...place, quote: z.string() })).optional(),
  /** What was left out with `on_chunk_failure: "skip"`. */
  missing: z.array(z.strictObject(place)).optional(),
  chunks: z.int(),
  /** Rounds of calls: 1 for a text that fits into one. */
  levels: z.int(),
  title: z.string().optional(),
  model: z.string(),
  source: sourceOutput,
});

export type SummarizeOutput = z.infer<typeof summarizeOutput>;

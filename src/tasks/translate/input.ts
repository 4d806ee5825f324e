// What task `translate` is asked for, and what it answers.

import { z } from "zod";
import { longTextFields, ONE_SOURCE, sourceOutput } from "../long-text/source-input";

const language = z.string().min(2).max(60);
const term = z.string().min(1).max(200);

export const translateInput = z
  .strictObject({
    ...longTextFields,
    target_language: language,
    source_language: language.optional(),
    /** Terms of the text, and what each has to become. */
    glossary: z
      .record(term, term)
      .refine((terms) => Object.keys(terms).length <= 1_000, "expected at most 1000 terms")
      .optional(),
    formality: z.enum(["formal", "informal"]).optional(),
  })
  .refine(ONE_SOURCE.check, ONE_SOURCE.problem);

export type TranslateInput = z.infer<typeof translateInput>;

export const translateOutput = z.strictObject({
  text: z.string(),
  /** Pieces that were translated: 0 for a text without a word. */
  chunks: z.int(),
  title: z.string().optional(),
  model: z.string().nullable(),
  source: sourceOutput,
});

export type TranslateOutput = z.infer<typeof translateOutput>;

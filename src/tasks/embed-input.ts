// The input of task `embed`: texts, or the file that has them.

import { z } from "zod";
import { LIMITS } from "../core/limits";
import { providerOptions } from "./provider-options";

// Vectors are far bigger than their texts: 512 of 1,536 dimensions are 16 MB of JSON, and up to ten jobs share
// an isolate of 128 MB. More texts are a corpus, whose vectors are in files.
export const MAX_TEXTS = 512;

const text = z.string().min(1);

const fields = z.strictObject({
  /** One text, or many: from 513 on they are a corpus. */
  input: z.union([text, z.array(text).min(1).max(LIMITS.corpusTexts)]).optional(),
  /** A corpus: JSON Lines, or a text a line. */
  file_id: z.string().min(1).max(64).optional(),
  /** Of the file, where neither its name nor its type tells. */
  format: z.enum(["jsonl", "text"]).optional(),
  model: z.string().min(1).max(300).optional(),
  dimensions: z.int().min(1).max(16_384).optional(),
  /** How the vectors are given: in a quarter of what their JSON takes. */
  encoding: z.literal("base64").optional(),
  provider_options: providerOptions(["model", "input", "encoding_format"]).optional(),
});

export type EmbedInput = z.infer<typeof fields>;

export const embedInput = fields
  .refine(({ input, file_id }) => (input === undefined) !== (file_id === undefined), {
    message: "expected either `input` or `file_id`",
    path: ["input"],
  })
  .refine((input) => input.encoding === undefined || !isCorpus(input), {
    message: `expected it only with up to ${MAX_TEXTS} texts: the vectors of a corpus are in files`,
    path: ["encoding"],
  });

export function textsOf({ input = [] }: EmbedInput): string[] {
  return typeof input === "string" ? [input] : input;
}

/** Whether its vectors are too many for an output. */
export function isCorpus(input: EmbedInput): boolean {
  return input.file_id !== undefined || textsOf(input).length > MAX_TEXTS;
}

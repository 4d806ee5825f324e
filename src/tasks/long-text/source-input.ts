// Where a long text comes from, and what every task over one may be told: fields that several tasks share.

import { z } from "zod";
import { cacheSchema } from "../../contract/cache";
import type { CacheRequest } from "../../core/cache";
import { LIMITS } from "../../core/limits";
import { providerOptions } from "../provider-options";

export const sourceFields = {
  /** As plain text or Markdown; what is larger than an input may be is a file. */
  text: z.string().regex(/\S/, "expected more than blanks").optional(),
  url: z
    .url({ protocol: /^https?$/, error: "expected a URL in full, such as https://example.com/page" })
    .max(LIMITS.urlLength)
    .optional(),
  file_id: z.string().min(1).max(64).optional(),
};

export const longTextFields = {
  ...sourceFields,
  model: z.string().min(1).max(300).optional(),
  /** What is wanted beyond what the other fields say. */
  instructions: z.string().min(1).max(LIMITS.instructionsLength).optional(),
  max_chunk_tokens: z.int().min(100).max(100_000).optional(),
  provider_options: providerOptions(["model", "messages", "stream"]).optional(),
  /** How its calls use the cache. Default: for a day, so that of a text that has changed only the new chunks are paid for. */
  cache: cacheSchema.optional(),
};

export type SourceInput = { text?: string; url?: string; file_id?: string };

export type LongTextInput = SourceInput & {
  model?: string;
  max_chunk_tokens?: number;
  provider_options?: Record<string, unknown>;
  cache?: CacheRequest;
};

export const ONE_SOURCE = {
  check: ({ text, url, file_id }: SourceInput) =>
    [text, url, file_id].filter((source) => source !== undefined).length === 1,
  problem: { message: "expected text, url or file_id, and one of the three", path: ["text"] },
};

/** Where a turn keeps the document for the next ones. */
export const jobFile = z.strictObject({ name: z.string(), run: z.int(), bytes: z.int() });

/** What an output says of its source. `chars` is its length as text, in UTF-16 code units. */
export const sourceOutput = z.strictObject({
  kind: z.enum(["text", "markdown", "html", "pdf"]),
  chars: z.int(),
  pages: z.int().optional(),
});

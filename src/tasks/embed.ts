// Task `embed`: vectors for one or many texts.

import { z } from "zod";
import { done } from "../core/outcome";
import { defineTask } from "./define";
import { providerOptions } from "./provider-options";

// Vectors are far bigger than their texts: 512 of 1,536 dimensions are 16 MB of JSON, and up to ten jobs share
// an isolate of 128 MB. More texts are more jobs.
const MAX_TEXTS = 512;

const text = z.string().min(1);

const input = z.strictObject({
  input: z.union([text, z.array(text).min(1).max(MAX_TEXTS)]),
  model: z.string().min(1).max(300).optional(),
  dimensions: z.int().min(1).max(16_384).optional(),
  provider_options: providerOptions(["model", "input", "encoding_format"]).optional(),
});

const output = z.strictObject({
  /** One vector per text, in order. */
  embeddings: z.array(z.array(z.number())),
  dimensions: z.int(),
  model: z.string(),
});

export const embed = defineTask<z.infer<typeof input>, z.infer<typeof output>>({
  name: "embed",
  description: "Vectors for one or many texts.",
  kind: "embedding",
  input,
  output,
  defaults: { max_attempts: 5, timeout_s: 300 },
  size: ({ input }) => ({
    chars: [input].flat().reduce((sum, text) => sum + text.length, 0),
    maxOutputTokens: 0,
  }),

  async run(input, ctx) {
    const { vectors } = await ctx.llm.embed({
      model: ctx.model,
      inputs: typeof input.input === "string" ? [input.input] : input.input,
      dimensions: input.dimensions,
      provider_options: input.provider_options,
      onProgress: (done, total) => ctx.progress(done, total),
    });
    return done({ embeddings: vectors, dimensions: vectors[0]?.length ?? 0, model: ctx.model });
  },
});

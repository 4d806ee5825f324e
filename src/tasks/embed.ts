// Task `embed`: vectors for one text, for many, or for a corpus.

import { z } from "zod";
import { done } from "../core/outcome";
import { defineTask } from "./define";
import { embedCorpus } from "./embed-corpus";
import { type EmbedInput, embedInput, isCorpus, textsOf } from "./embed-input";
import { jobFileField } from "./job-file-field";

const output = z.strictObject({
  /** One vector per text, in order. Empty with `encoding`, and for a corpus: those are in its files. */
  embeddings: z.array(z.array(z.number())),
  /** The same with `encoding`: each vector as base64 of its numbers, which are float32, the lowest byte first. */
  embeddings_base64: z.array(z.string()).optional(),
  /** Of a corpus: how many vectors there are, and the files that have them. */
  count: z.int().optional(),
  files: z.array(jobFileField).optional(),
  dimensions: z.int(),
  model: z.string(),
});

export const embed = defineTask<EmbedInput, z.infer<typeof output>>({
  name: "embed",
  description: "Vectors for one text, for many, or for a corpus of up to 100,000.",
  kind: "embedding",
  input: embedInput,
  output,
  defaults: { max_attempts: 5, timeout_s: 600 },
  writesFiles: isCorpus,
  // The calls for a corpus are those of its children.
  size: (input) => ({
    chars: isCorpus(input) ? 0 : textsOf(input).reduce((sum, text) => sum + text.length, 0),
    maxOutputTokens: 0,
  }),

  async run(input, ctx) {
    if (isCorpus(input)) return embedCorpus(input, ctx);
    const { vectors } = await ctx.llm.embed({
      model: ctx.model,
      inputs: textsOf(input),
      dimensions: input.dimensions,
      provider_options: input.provider_options,
      onProgress: (done, total) => ctx.progress(done, total),
    });
    const found =
      input.encoding === "base64"
        ? { embeddings: [], embeddings_base64: vectors.map(toBase64) }
        : { embeddings: vectors };
    return done({ ...found, dimensions: vectors[0]?.length ?? 0, model: ctx.model });
  },
});

// Machines on which Workers run have the lowest byte first.
function toBase64(vector: number[]): string {
  return new Uint8Array(new Float32Array(vector).buffer).toBase64();
}

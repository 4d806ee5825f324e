// The files of a corpus: its vectors packed, where each begins, and its vectors as JSON Lines. Never more than a few children are in memory.

import { joined } from "../core/bytes";
import { AppError } from "../core/errors";
import { allTexts } from "./corpus-texts";
import type { Children, TaskContext } from "./define";
import type { EmbedInput } from "./embed-input";

type Corpus = { input: EmbedInput; ctx: TaskContext; dimensions: number };

type CorpusFile = { name: string; content(corpus: Corpus): AsyncIterable<string | Uint8Array> };

/** In the order in which they are written. */
export const CORPUS_FILES: readonly CorpusFile[] = [
  { name: "vectors.f32", content: packed },
  { name: "index.jsonl", content: index },
  { name: "vectors.jsonl", content: lines },
];

const BYTES_OF_A_NUMBER = 4;

/** Of the first vector: all others must be as long. */
export async function dimensionsOf(children: Children): Promise<number> {
  for await (const vectors of vectorsOf(children)) return (vectors[0]?.byteLength ?? 0) / BYTES_OF_A_NUMBER;
  throw new AppError("internal");
}

async function* packed({ ctx, dimensions }: Corpus): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const vectors of vectorsOf(ctx.children)) {
    if (vectors.some(({ byteLength }) => byteLength !== dimensions * BYTES_OF_A_NUMBER))
      throw new AppError("provider_error", { message: "The model gave vectors of different lengths." });
    yield joined(vectors);
  }
}

async function* index({ input, ctx, dimensions }: Corpus): AsyncGenerator<string, void, undefined> {
  let i = 0;
  for await (const { id = null, metadata } of allTexts(ctx.files, input)) {
    yield `${JSON.stringify({ i, id, offset: i * dimensions * BYTES_OF_A_NUMBER, metadata })}\n`;
    i += 1;
  }
}

async function* lines({ input, ctx }: Corpus): AsyncGenerator<string, void, undefined> {
  const entries = allTexts(ctx.files, input);
  let i = 0;
  for await (const vectors of vectorsOf(ctx.children)) {
    for (const vector of vectors) {
      const { id = null, metadata } = (await entries.next()).value ?? {};
      const head = JSON.stringify({ i, id, metadata }).slice(0, -1);
      yield `${head},"embedding":[${numbersOf(vector).join(",")}]}\n`;
      i += 1;
    }
  }
}

/** Those of a child at a time. */
async function* vectorsOf(children: Children): AsyncGenerator<Uint8Array[], void, undefined> {
  for await (const { output } of children.ended(["completed"])) {
    const { embeddings_base64 } = JSON.parse(output ?? "{}");
    yield (embeddings_base64 as string[]).map((vector) => Uint8Array.fromBase64(vector));
  }
}

/** From nine digits the same float32 is read again; a double would be written with seventeen. */
const DIGITS = 9;

function numbersOf(vector: Uint8Array): string[] {
  return Array.from(new Float32Array(vector.buffer), (number) => number.toPrecision(DIGITS));
}

// Corpora for tests: an embedding provider that counts, and the files of vectors read back.

import type { Fetch } from "../../src/llm/fetch";
import type { Provider } from "../../src/llm/providers";
import { embedText } from "../../src/llm/sandbox/vectors";
import { failure } from "../llm/fake-provider";

export const words = (count: number) => Array.from({ length: count }, (_, i) => `word${i} tea${i % 7}`);

/** A model that takes few texts at once. */
export const provider = (maxInputs: number): Provider => ({
  name: "acme",
  base_url: "https://acme.test/v1",
  key: "ACME_KEY",
  models: [{ name: "vectors", kind: "embedding", max_inputs: maxInputs, price: { input: 1 } }],
});

export type VectorServer = { fetch: Fetch; embedded: Map<string, number>; refused: Set<string> };

/** Counts how often each text was embedded; refuses calls with one of `refused`. */
export function vectorServer(): VectorServer {
  const embedded = new Map<string, number>();
  const refused = new Set<string>();
  const fetch: Fetch = async (_url, init) => {
    const { input, dimensions } = JSON.parse(String(init?.body)) as { input: string[]; dimensions: number };
    if (input.some((text) => refused.has(text))) return failure(400);
    for (const text of input) embedded.set(text, (embedded.get(text) ?? 0) + 1);
    const data = input.map((text, index) => ({ index, embedding: embedText(text, dimensions) }));
    return Response.json({ data, usage: { prompt_tokens: input.length, total_tokens: input.length } });
  };
  return { fetch, embedded, refused };
}

/** Packed float32, the lowest byte first, as vectors of so many numbers. */
export function unpack(bytes: Uint8Array, dimensions: number): number[][] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.byteLength / 4 / dimensions;
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: dimensions }, (_, j) => view.getFloat32((i * dimensions + j) * 4, true)),
  );
}

export const asFloat32 = (vector: number[]) => vector.map(Math.fround);

export function jsonLines<T>(text: string): T[] {
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

// Embeddings without a model: equal texts get equal vectors, texts that share words get near ones.

import { hash } from "./hash";

// A word spread over several dimensions is seldom mistaken for another, also where dimensions are few.
const DIMENSIONS_PER_WORD = 8;

/** A vector of length 1. */
export function embedText(text: string, dimensions: number): number[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const vector = new Array<number>(dimensions).fill(0);
  for (const word of words.length > 0 ? words : [text]) addWord(vector, word);
  const length = Math.hypot(...vector);
  // Words can cancel one another out, above all in one dimension.
  if (length === 0) return vector.map((_, index) => (index === 0 ? 1 : 0));
  return vector.map((value) => Math.round((value / length) * 1e6) / 1e6);
}

function addWord(vector: number[], word: string): void {
  for (let i = 0; i < DIMENSIONS_PER_WORD; i++) {
    const h = hash(`${i}:${word}`);
    const index = h % vector.length;
    vector[index] = (vector[index] ?? 0) + (h >>> 31 === 0 ? 1 : -1);
  }
}

// The lines of what a batch has done: JSON Lines, one an item, in the order of the input.

import type { EndedChild } from "./define";

/**
 * Of an item that has completed. Its output stands in it as it was stored: parsing megabytes to write them again is waste.
 * `row`: that it was made of.
 */
export function outputLine(
  { index, customId, id, output, usage }: EndedChild,
  row?: Record<string, unknown>,
): string {
  const head = JSON.stringify({ index, custom_id: customId, job: id, row }).slice(0, -1);
  return `${head},"output":${output ?? "null"},"usage":${JSON.stringify(usage)}}\n`;
}

/** Of an item that has failed or was cancelled. */
export function errorLine({ index, customId, id, state, error, usage }: EndedChild): string {
  return `${JSON.stringify({ index, custom_id: customId, job: id, state, error, usage })}\n`;
}

export async function* linesOf(
  items: AsyncIterable<EndedChild>,
  toLine: (item: EndedChild) => string,
): AsyncGenerator<string, void, undefined> {
  for await (const item of items) yield toLine(item);
}

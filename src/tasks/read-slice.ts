// Reads a file of lines or records slice by slice: as much at once as one turn of a job stores.

import type { LinePlace, Span } from "../core/lines-reader";
import type { Files } from "./define";

export const START_OF_FILE: LinePlace = { offset: 0, line: 1 };

/** What is read of a file at once; a record fits into it. */
const WINDOW_BYTES = 2_000_000;

/** As core/lines-reader.ts and core/csv-reader.ts have them. */
export type RecordReader<R> = { take(bytes: Uint8Array): R[]; end(): R[] };

/** `next` null: it was the last one. */
export type Slice<R> = { records: R[]; next: LinePlace | null };

/** The records from this place on, `most` of them at the most. `reader` begins there. */
export async function readSlice<R extends Span>(
  files: Files,
  fileId: string,
  from: LinePlace,
  { reader, most }: { reader: RecordReader<R>; most: number },
): Promise<Slice<R>> {
  const records: R[] = [];
  let at = from.offset;
  let isAtEnd = false;
  // A record that is longer than any window is read over, and is a broken one.
  while (records.length === 0 && !isAtEnd) {
    const bytes = await files.read(fileId, at, at + WINDOW_BYTES);
    at += bytes.byteLength;
    isAtEnd = bytes.byteLength < WINDOW_BYTES;
    records.push(...reader.take(bytes), ...(isAtEnd ? reader.end() : []));
  }
  const taken = records.slice(0, most);
  const last = taken.at(-1);
  const isLast = !last || (isAtEnd && taken.length === records.length);
  return { records: taken, next: isLast ? null : { offset: last.end, line: last.line + last.lines } };
}

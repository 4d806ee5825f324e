// A part of a stream, as one answer holds it.

import { joined } from "../core/bytes";
import { isGivenOut, type Place } from "../core/streams/offset";
import { isJson, isText } from "../core/streams/stream";
import { unfinishedBytes } from "../core/streams/text-reader";
import type { From } from "./stream-log";
import type { Chunk, StoredStream } from "./stream-store";

const PAGE_BYTES = 1_000_000;
const NEWLINE = 10;

/** `closed`: it ends with this page. */
export type Page = { data: Uint8Array; next: number; epoch: number; upToDate: boolean; closed: boolean };

/** Where the bytes of streams are. */
export type Bytes = {
  tail(id: string): number;
  chunks(id: string, at: number, bytes: number): Iterable<Chunk>;
};

/** Null: there is no such place in the stream. JSON pages hold whole messages; pages of text that go on, whole characters. */
export function readPage(bytes: Bytes, stream: StoredStream, from: From): Page | null {
  const tail = bytes.tail(stream.id);
  const at = from === "start" ? 0 : from === "now" ? tail : placeIn(bytes, stream, from);
  if (at === null) return null;
  const epoch = epochOf(stream);
  // A reader has seen what the object has forgotten, and its run is about to say again.
  if (at > tail && stream.log !== null && !stream.closed) {
    return { data: new Uint8Array(), next: at, epoch, upToDate: true, closed: false };
  }
  if (at > tail) return null;
  const data = dataFrom(bytes, stream, at, tail);
  if (data === null) return null;
  const next = at + data.byteLength;
  const upToDate = next === tail;
  return { data, next, epoch, upToDate, closed: upToDate && stream.closed };
}

export function epochOf({ log, createdAt }: Pick<StoredStream, "log" | "createdAt">): number {
  return log === null ? createdAt : log.epochs.length - 1;
}

/** Where a reader has to go on who may have seen bytes that were taken back. Null: it cannot have this from here. */
function placeIn(bytes: Bytes, stream: StoredStream, place: Place): number | null {
  const { epoch, at } = place;
  const { log, fork } = stream;
  if (log === null) {
    const isOurs = isGivenOut(place, epochOf(stream), fork?.inherited ?? []);
    return isOurs && isBetween(bytes, stream, at) ? at : null;
  }
  if (epoch > epochOf(stream)) return null;
  const next = log.epochs[epoch + 1] ?? null;
  return next === null ? at : Math.min(at, next);
}

/** Whether no message of the stream lies on both sides of the place. */
export function isBetween(bytes: Bytes, { id, contentType }: StoredStream, at: number): boolean {
  if (!isJson(contentType) || at === 0) return true;
  const [chunk] = bytes.chunks(id, at - 1, 1);
  return chunk?.data[at - 1 - chunk.at] === NEWLINE;
}

function dataFrom(bytes: Bytes, stream: StoredStream, at: number, tail: number): Uint8Array | null {
  const lines = isJson(stream.contentType);
  const parts: Uint8Array[] = [];
  let size = 0;
  for (const chunk of bytes.chunks(stream.id, at, tail - at)) {
    const start = Math.max(0, at - chunk.at);
    if (start >= chunk.data.byteLength) continue;
    if (lines && start > 0 && chunk.data[start - 1] !== NEWLINE) return null;
    const part = chunk.data.subarray(start);
    parts.push(part);
    size += part.byteLength;
    if (size >= PAGE_BYTES && (!lines || part.includes(NEWLINE))) break;
  }
  const whole = joined(parts);
  return at + size < tail ? whole.slice(0, cutOf(stream, whole)) : whole;
}

function cutOf({ contentType }: StoredStream, data: Uint8Array): number {
  if (isJson(contentType)) return data.lastIndexOf(NEWLINE) + 1;
  return data.byteLength - (isText(contentType) ? unfinishedBytes(data) : 0);
}

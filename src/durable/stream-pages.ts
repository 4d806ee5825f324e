// A part of a stream, as one answer holds it.

import { isJson } from "../core/streams/stream";
import type { From } from "./stream-log";
import type { StoredStream, StreamStore } from "./stream-store";

const PAGE_BYTES = 1_000_000;
const NEWLINE = 10;

/** `closed`: it ends with this page. */
export type Page = { data: Uint8Array; at: number; next: number; upToDate: boolean; closed: boolean };

/** Null: there is no such place in the stream. JSON pages hold whole messages. */
export function readPage(store: StreamStore, stream: StoredStream, from: From): Page | null {
  const tail = store.tail(stream.id);
  const at = from === "start" ? 0 : from === "now" ? tail : from.at;
  if (at > tail) return null;
  const lines = isJson(stream.contentType);
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for (const chunk of store.chunks(stream.id, at, tail - at)) {
    const start = Math.max(0, at - chunk.at);
    if (lines && start > 0 && chunk.data[start - 1] !== NEWLINE) return null;
    const part = chunk.data.subarray(start);
    parts.push(part);
    bytes += part.byteLength;
    if (bytes >= PAGE_BYTES && (!lines || part.includes(NEWLINE))) break;
  }
  const whole = joined(parts, bytes);
  const data = lines && at + bytes < tail ? whole.slice(0, whole.lastIndexOf(NEWLINE) + 1) : whole;
  const next = at + data.byteLength;
  const upToDate = next === tail;
  return { data, at, next, upToDate, closed: upToDate && stream.closed };
}

function joined(parts: Uint8Array[], bytes: number): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only) return only;
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

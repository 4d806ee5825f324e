// What keeps an append from being written.

import type { Place } from "../core/streams/offset";
import { judge, type Producer } from "../core/streams/producer";
import { type Append, mediaType } from "../core/streams/stream";
import type { StoredStream, StreamStore } from "./stream-store";

export type Refusal =
  /** Written before: all is well. `next`: the end of the stream now. */
  | { kind: "duplicate"; producer: Producer; next: Place; closed: boolean }
  | { kind: "closed"; next: Place }
  | { kind: "other_type"; contentType: string }
  | { kind: "old_seq"; seq: string }
  | { kind: "stale"; epoch: number }
  | { kind: "gap"; expected: number; received: number }
  | { kind: "bad_start" };

/** Null: nothing does. */
export function refuse(store: StreamStore, stream: StoredStream, next: Place, entry: Append): Refusal | null {
  const { producer, seq, data, contentType } = entry;
  const verdict = producer && judge(store.producer(stream.id, producer.id), producer);
  if (verdict?.kind === "stale") return verdict;
  if (stream.closed && verdict?.kind !== "duplicate") {
    // Closing what is closed changes nothing.
    return producer === null && entry.close && data.byteLength === 0 ? null : { kind: "closed", next };
  }
  if (data.byteLength > 0 && mediaType(contentType ?? "") !== mediaType(stream.contentType)) {
    return { kind: "other_type", contentType: stream.contentType };
  }
  if (producer && verdict && verdict.kind !== "new") {
    if (verdict.kind === "duplicate") {
      return { kind: "duplicate", producer: { ...producer, seq: verdict.seq }, next, closed: stream.closed };
    }
    return verdict.kind === "gap" ? { ...verdict, received: producer.seq } : verdict;
  }
  if (seq !== null && stream.seq !== null && seq <= stream.seq) return { kind: "old_seq", seq: stream.seq };
  return null;
}

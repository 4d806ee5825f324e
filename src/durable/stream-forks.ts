// Forks: how far a stream is copied, and the copying, which may lead from one object to another.

import { isJson, mediaType, type NewStream } from "../core/streams/stream";
import type { StreamLog } from "./stream-log";
import type { Chunk, StoredStream, StreamStore } from "./stream-store";

/** `at`: where the fork was asked to begin. `end`: with what was asked for of the append that follows. */
export type Lent = {
  kind: "lent";
  contentType: string;
  ttlS: number | null;
  expiresAt: string | null;
  at: number;
  end: number;
};

export type Borrowed = Lent | { kind: "no_source" | "source_gone" | "bad_offset" | "bad_sub" | "other_type" };

const NEWLINE = 10;

export function lend(
  store: StreamStore,
  stream: StoredStream,
  fork: string,
  { contentType, fork: wish }: NewStream,
): Borrowed {
  const { id, ttlS, expiresAt } = stream;
  if (contentType !== null && mediaType(contentType) !== mediaType(stream.contentType)) {
    return { kind: "other_type" };
  }
  const tail = store.tail(id);
  const at = wish?.at ?? tail;
  if (at > tail) return { kind: "bad_offset" };
  const end = endOf(store, stream, at, wish?.sub ?? 0);
  if (end === null) return { kind: "bad_sub" };
  store.addFork(id, fork);
  return { kind: "lent", contentType: stream.contentType, ttlS, expiresAt, at, end };
}

/** `sub` bytes or messages of the append that begins at `at`; null: it has not that many. */
function endOf(
  store: StreamStore,
  { id, contentType }: StoredStream,
  at: number,
  sub: number,
): number | null {
  if (sub === 0) return at;
  const [next] = [...store.chunks(id, at, 1)].map((chunk) => chunk.data.slice(Math.max(0, at - chunk.at)));
  if (!next) return null;
  if (!isJson(contentType)) return sub <= next.byteLength ? at + sub : null;
  let end = 0;
  for (let messages = 0; messages < sub; messages++) {
    end = next.indexOf(NEWLINE, end) + 1;
    if (end === 0) return null;
  }
  return at + end;
}

type Source = Pick<StreamLog, "lend" | "lendChunks">;

/** Copies what is lent into the store, under the name of the fork; not yet as a stream. */
export async function copyFork(
  store: StreamStore,
  source: Source,
  id: string,
  wanted: NewStream,
): Promise<Borrowed> {
  const name = wanted.fork?.source ?? "";
  const lent: Borrowed = await source.lend(name, id, wanted);
  if (lent.kind !== "lent") return lent;
  // What a copy that was broken off may have left.
  store.remove(id);
  for (let at = 0; at < lent.end; at = store.tail(id)) {
    const chunks: Chunk[] = await source.lendChunks(name, at);
    if (chunks.length === 0) return { kind: "no_source" };
    for (const chunk of chunks) {
      if (chunk.at < lent.end) store.append(id, chunk.at, chunk.data.slice(0, lent.end - chunk.at));
    }
  }
  return lent;
}

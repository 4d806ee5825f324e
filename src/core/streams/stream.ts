// What a stream is: a log of bytes with a type, that can be closed, can expire, and can be forked.

import type { Place } from "./offset";
import type { Producer } from "./producer";

/** How long it is kept. At most one of them: so long after it was last read or written, or until an instant. */
export type Expiry = {
  ttlS: number | null;
  /** As its creator wrote it (RFC 3339). */
  expiresAt: string | null;
};

export type StreamConfig = Expiry & { contentType: string; closed: boolean };

/** A stream begun as a copy of another up to there, and `sub` bytes (JSON: messages) of the append that follows. */
export type Fork = { source: string; at: Place | null; sub: number };

export type NewStream = Expiry & {
  /** Null: the default, or that of the stream it is forked from. */
  contentType: string | null;
  closed: boolean;
  data: Uint8Array;
  fork: Fork | null;
};

export type Append = {
  /** Null for one that only closes. */
  contentType: string | null;
  data: Uint8Array;
  /** Has to be greater than that of the append before, compared as text. */
  seq: string | null;
  producer: Producer | null;
  close: boolean;
};

export const DEFAULT_CONTENT_TYPE = "application/octet-stream";

/** Without parameters: `Text/Plain; charset=utf-8` is `text/plain`. */
export function mediaType(contentType: string): string {
  return (contentType.split(";")[0] ?? "").trim().toLowerCase();
}

export function isJson(contentType: string): boolean {
  return mediaType(contentType) === "application/json";
}

/** Bytes of any other type are sent in base64 where only text can be. */
export function isText(contentType: string): boolean {
  return isJson(contentType) || mediaType(contentType).startsWith("text/");
}

/** Whether a stream that is there is the one that is wanted, so that creating it again changes nothing. */
export function isSame(there: StreamConfig & { fork: Fork | null }, wanted: NewStream): boolean {
  const { fork } = wanted;
  const isSameFork =
    there.fork?.source === fork?.source &&
    (there.fork?.sub ?? 0) === (fork?.sub ?? 0) &&
    // Left out it meant the end as it was then.
    (fork?.at == null || fork.at.at === there.fork?.at?.at);
  return (
    mediaType(there.contentType) === mediaType(wanted.contentType ?? defaultType(there)) &&
    (fork !== null && wanted.ttlS === null && wanted.expiresAt === null
      ? true
      : there.ttlS === wanted.ttlS && there.expiresAt === wanted.expiresAt) &&
    there.closed === wanted.closed &&
    isSameFork
  );
}

function defaultType(there: StreamConfig & { fork: Fork | null }): string {
  return there.fork === null ? DEFAULT_CONTENT_TYPE : there.contentType;
}

const SHARDS = 16;

/** All objects that streams of a project may live in. */
export function shardsOf(projectId: string): string[] {
  return Array.from({ length: SHARDS }, (_, shard) => `${projectId}/${shard}`);
}

/** The object that a stream lives in: each project's streams share some. `id`: `project/name`. */
export function shardOf(id: string): string {
  let hash = 0;
  for (let i = 0; i < id.length; i++) hash = (hash * 31 + id.charCodeAt(i)) >>> 0;
  return `${id.slice(0, id.indexOf("/"))}/${hash % SHARDS}`;
}

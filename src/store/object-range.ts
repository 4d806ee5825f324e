// Reads what ObjectWriter has written, whole or in part, sealed or not, without holding more than a chunk.

import type { ByteRange } from "../core/byte-range";
import { AppError } from "../core/errors";
import type { JobKey } from "./db";
import { reach, type Storage } from "./objects";
import { CHUNK_BYTES, openChunk, plainBytes, readChunkBytes } from "./sealed-chunks";

/** The plain bytes from `from` up to, and without, `to`; fewer when the object ends before. */
export async function readRange(
  storage: Storage,
  owner: JobKey,
  key: string,
  from: number,
  to: number,
): Promise<Uint8Array> {
  const stream = await openStream(storage, owner, key, { from, to });
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * The plain bytes, read as they are wanted. Throws `store_unavailable` when R2 is away, `object_missing` when there is none
 * though it should; the stream itself fails with `seal_broken`.
 */
export async function openStream(
  storage: Storage,
  owner: JobKey,
  key: string,
  range?: ByteRange,
): Promise<ReadableStream<Uint8Array>> {
  const { bucket, vault } = storage;
  const found = await reach(bucket.head(key));
  if (!found) throw missing(key);
  const chunkBytes = readChunkBytes(found);
  const from = range?.from ?? 0;
  const to = Math.min(range?.to ?? Number.POSITIVE_INFINITY, plainBytes(found.size, chunkBytes));
  if (from >= to) return new Blob([]).stream();
  if (chunkBytes === null) return openBody(bucket, key, from, to);
  const first = Math.floor(from / CHUNK_BYTES);
  const end = Math.min(Math.ceil(to / CHUNK_BYTES) * chunkBytes, found.size);
  const chunks = readChunks(await openBody(bucket, key, first * chunkBytes, end), chunkBytes);
  return openChunks(chunks, { from, to }, first, (index, sealed) => openChunk(vault, owner, index, sealed));
}

async function openBody(bucket: R2Bucket, key: string, from: number, to: number): Promise<ReadableStream> {
  const object = await reach(bucket.get(key, { range: { offset: from, length: to - from } }));
  if (!object) throw missing(key);
  return object.body;
}

/** The body in pieces of this size, the last one shorter. Leaving the loop gives it up. */
async function* readChunks(body: ReadableStream, bytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = body.getReader({ mode: "byob" });
  try {
    for (;;) {
      const { value } = await reach(reader.readAtLeast(bytes, new Uint8Array(bytes)));
      if (!value || value.byteLength === 0) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** One chunk at a time, when it is asked for, and of the first and the last only what is in the range. */
function openChunks(
  chunks: AsyncGenerator<Uint8Array, void, undefined>,
  { from, to }: ByteRange,
  first: number,
  open: (index: number, sealed: Uint8Array) => Promise<Uint8Array>,
): ReadableStream<Uint8Array> {
  let index = first;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value } = await chunks.next();
        if (!value) return controller.close();
        const start = index * CHUNK_BYTES;
        const plain = await open(index, value);
        controller.enqueue(plain.subarray(Math.max(0, from - start), to - start));
        index += 1;
      },
      async cancel() {
        await chunks.return();
      },
    },
    { highWaterMark: 0 },
  );
}

function missing(key: string): AppError {
  return new AppError("object_missing", { cause: `no object ${key}` });
}

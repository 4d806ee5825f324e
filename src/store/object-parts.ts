// Objects that are uploaded part by part, in any order and by several requests: R2 holds the parts until all are there.

import type { JobKey } from "./db";
import { reach, type Storage } from "./objects";
import {
  CHUNK_BYTES,
  type ChunkBytes,
  chunkBytesOf,
  chunkOptions,
  PART_BYTES,
  sealChunks,
} from "./sealed-chunks";

/** Begun once for each object; `chunkBytes` must be the same for all its parts. */
export type PartsUpload = { uploadId: string; chunkBytes: ChunkBytes };

export async function beginParts({ bucket, vault }: Storage, key: string): Promise<PartsUpload> {
  const chunkBytes = chunkBytesOf(vault);
  const { uploadId } = await reach(bucket.createMultipartUpload(key, chunkOptions(chunkBytes)));
  return { uploadId, chunkBytes };
}

/** Whether a part that is stored now fits to those before: a change of keys in mid-upload makes others. */
export function takesParts({ vault }: Storage, { chunkBytes }: PartsUpload): boolean {
  return chunkBytes === chunkBytesOf(vault);
}

/** The part's etag; null: R2 has no such upload any more. `number` begins at 1. */
export async function putPart(
  { bucket, vault }: Storage,
  owner: JobKey,
  key: string,
  { uploadId, number, bytes }: { uploadId: string; number: number; bytes: Uint8Array },
): Promise<string | null> {
  const firstChunk = ((number - 1) * PART_BYTES) / CHUNK_BYTES;
  const stored = await sealChunks(vault, owner, firstChunk, bytes);
  const upload = bucket.resumeMultipartUpload(key, uploadId);
  return reach(
    upload.uploadPart(number, stored).then(
      ({ etag }) => etag,
      (error) => unless(error, NO_SUCH_UPLOAD, null),
    ),
  );
}

/** `gone`: R2 has no such upload, or not any more. `changed`: a part is not the one that was named. */
export async function completeParts(
  bucket: R2Bucket,
  key: string,
  uploadId: string,
  parts: R2UploadedPart[],
): Promise<"completed" | "gone" | "changed"> {
  const upload = bucket.resumeMultipartUpload(key, uploadId);
  return reach(
    upload
      .complete(parts)
      .then(
        () => "completed" as const,
        (error) => unless(error, NO_SUCH_UPLOAD, "gone" as const),
      )
      .catch((error) => unless(error, INVALID_PART, "changed" as const)),
  );
}

export async function abortParts(bucket: R2Bucket, key: string, uploadId: string): Promise<void> {
  const aborted = bucket.resumeMultipartUpload(key, uploadId).abort();
  await reach(aborted.catch((error) => unless(error, NO_SUCH_UPLOAD, undefined)));
}

export async function hasObject(bucket: R2Bucket, key: string): Promise<boolean> {
  return (await reach(bucket.head(key))) !== null;
}

// R2's errors carry their number at the end of their message (R2 error codes, 2026-10).
const NO_SUCH_UPLOAD = /\(10024\)/;
const INVALID_PART = /\(10025\)/;

function unless<T>(error: unknown, expected: RegExp, value: T): T {
  if (expected.test(String(error))) return value;
  throw error;
}

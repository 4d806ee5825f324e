// Inputs and outputs in R2. Keys: {project}/{job}/input and {project}/{job}/{run}/output.

import { AppError } from "../core/errors";
import { INLINE_BYTES } from "../core/limits";
import type { JobKey } from "./db";
import type { StoredText } from "./moves";

const encoder = new TextEncoder();

/** Puts JSON text where it belongs: small text into the row, large text into R2. */
export async function storeText(bucket: R2Bucket, key: string, text: string): Promise<StoredText> {
  // Four bytes a character at the most: short text needs no counting.
  if (text.length <= INLINE_BYTES / 4) return { bytes: utf8Length(text), inline: text, key: null };
  const bytes = encoder.encode(text);
  if (bytes.byteLength <= INLINE_BYTES) return { bytes: bytes.byteLength, inline: text, key: null };
  await reach(bucket.put(key, bytes, { httpMetadata: { contentType: "application/json" } }));
  return { bytes: bytes.byteLength, inline: null, key };
}

function utf8Length(text: string): number {
  return encoder.encode(text).byteLength;
}

export function inputKey(job: JobKey): string {
  return `${job.projectId}/${job.id}/input`;
}

export function outputKey(job: JobKey & { run: number }): string {
  return `${job.projectId}/${job.id}/${job.run}/output`;
}

/** The object as text. Throws `store_unavailable` when R2 is away, and when the object is not there though it should. */
export async function loadText(bucket: R2Bucket, key: string): Promise<string> {
  const object = await reach(bucket.get(key));
  if (!object) throw new AppError("store_unavailable", { cause: `no object ${key}` });
  return reach(object.text());
}

/** The object as a stream, for answers too large to hold. */
export async function openObject(bucket: R2Bucket, key: string): Promise<R2ObjectBody> {
  const object = await reach(bucket.get(key));
  if (!object) throw new AppError("store_unavailable", { cause: `no object ${key}` });
  return object;
}

/** Deletes every object of a job, of all its runs. */
export async function eraseObjects(bucket: R2Bucket, job: JobKey): Promise<void> {
  const prefix = `${job.projectId}/${job.id}/`;
  let cursor: string | undefined;
  do {
    const page = await reach(bucket.list({ prefix, cursor }));
    if (page.objects.length > 0) await reach(bucket.delete(page.objects.map((object) => object.key)));
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor);
}

async function reach<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw new AppError("store_unavailable", { retryAfterMs: 2_000, cause: error });
  }
}

/** Throws when R2 does not answer. */
export async function pingObjects(bucket: R2Bucket): Promise<void> {
  await reach(bucket.head("health"));
}

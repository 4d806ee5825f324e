// Objects in R2: {project}/{job}/input, {project}/{job}/{run}/output and what else a run writes, {project}/files/{file},
// {project}/cache/{key}/{job}/{run} and unsettled/{project}/{job}/{run}.

import { AppError, isAway } from "../core/errors";
import { INLINE_BYTES, ROW_TEXT_BYTES } from "../core/limits";
import type { JobKey } from "./db";
import type { StoredText } from "./run-ends";
import type { Vault } from "./vault";
import { within } from "./within";

/** Where a job's texts are kept and how. */
export type Storage = { bucket: R2Bucket; vault: Vault };

const encoder = new TextEncoder();
const SEALED = { sealed: "yes" };
const decoder = new TextDecoder();

/**
 * Puts a job's JSON text where it belongs: small text into the row, large text into R2. `bytes` is its size before it was
 * sealed. When R2 is away, what the row can hold goes there. Throws `store_unavailable` for what it cannot.
 */
export async function storeText(store: Storage, job: JobKey, key: string, text: string): Promise<StoredText> {
  const bytes = encoder.encode(text).byteLength;
  if (bytes > INLINE_BYTES) {
    try {
      await putText(store, job, key, text);
      return { bytes, inline: null, key };
    } catch (error) {
      if (bytes > ROW_TEXT_BYTES || !isAway(error)) throw error;
    }
  }
  return { bytes, inline: await store.vault.sealText(job, text), key: null };
}

export function inputKey(job: JobKey): string {
  return `${job.projectId}/${job.id}/input`;
}

export function outputKey(job: JobKey & { run: number }): string {
  return `${job.projectId}/${job.id}/${job.run}/output`;
}

/** A file that the run has written. */
export function jobFileKey(job: JobKey & { run: number }, name: string): string {
  return `${job.projectId}/${job.id}/${job.run}/${name}`;
}

/** Of the run that has made it: a newer answer does not change what older jobs have. */
export function sharedOutputKey(job: JobKey & { run: number }, cacheKey: string): string {
  return `${job.projectId}/cache/${cacheKey}/${job.id}/${job.run}`;
}

/** A project may be called `cache`. */
export function isSharedOutput(key: string): boolean {
  return /^[^/]+\/cache\/[0-9a-f]{64}\//.test(key);
}

export function unsettledKey(job: JobKey & { run: number }): string {
  return `${unsettledPrefix(job)}${job.run}`;
}

export function unsettledPrefix(job: JobKey): string {
  return `unsettled/${job.projectId}/${job.id}/`;
}

export function fileKey(file: JobKey): string {
  return `${file.projectId}/files/${file.id}`;
}

export async function putText(
  { bucket, vault }: Storage,
  job: JobKey,
  key: string,
  text: string,
): Promise<void> {
  const bytes = await vault.sealBytes(job, encoder.encode(text));
  await reach(bucket.put(key, bytes, vault.seals ? { customMetadata: SEALED } : {}));
}

/** The object as text. Throws `store_unavailable` when R2 is away, `object_missing` when there is none though it should. */
export async function loadText(store: Storage, job: JobKey, key: string): Promise<string> {
  const object = await getObject(store.bucket, key);
  return decoder.decode(await store.vault.openBytes(job, new Uint8Array(await reach(object.arrayBuffer()))));
}

/** The object for an answer: as a stream, unless it has to be opened as a whole. */
export async function openObject({ bucket, vault }: Storage, job: JobKey, key: string) {
  const object = await getObject(bucket, key);
  if (!object.customMetadata?.sealed) return object.body;
  return vault.openBytes(job, new Uint8Array(await reach(object.arrayBuffer())));
}

async function getObject(bucket: R2Bucket, key: string): Promise<R2ObjectBody> {
  const object = await reach(bucket.get(key));
  if (!object) throw new AppError("object_missing", { cause: `no object ${key}` });
  return object;
}

/** Up to 1,000 keys that begin so: more than a job ever has. */
export async function listKeys(bucket: R2Bucket, prefix: string): Promise<string[]> {
  return (await reach(bucket.list({ prefix }))).objects.map((object) => object.key);
}

/** Keys in the order of their names, with the instant they were written; `cursor` goes on where a page ended. */
export async function listObjects(
  bucket: R2Bucket,
  cursor: string | undefined,
): Promise<{ objects: { key: string; uploaded: number }[]; cursor: string | undefined }> {
  const page = await reach(bucket.list({ cursor }));
  const objects = page.objects.map(({ key, uploaded }) => ({ key, uploaded: uploaded.getTime() }));
  return { objects, cursor: page.truncated ? page.cursor : undefined };
}

/** At most 1,000 of them. */
export async function deleteObjects(bucket: R2Bucket, keys: string[]): Promise<void> {
  if (keys.length > 0) await reach(bucket.delete(keys));
}

/** R2 takes its time for megabytes, but not longer than this. */
const PATIENCE_MS = 20_000;

/** Throws `store_unavailable` when R2 fails, or does not answer. */
export async function reach<T>(call: Promise<T>): Promise<T> {
  try {
    return await within(PATIENCE_MS, call, () => new Error("R2 does not answer"));
  } catch (error) {
    throw new AppError("store_unavailable", { retryAfterMs: 2_000, cause: error });
  }
}

/** Throws when R2 does not answer. */
export async function pingObjects(bucket: R2Bucket): Promise<void> {
  await reach(bucket.head("health"));
}

// Large objects under a seal: chunks of 1 MiB, each sealed for itself, so that a range can be read without opening all.
//
// The number of a chunk is authenticated with it, so that chunks cannot change places. The object's metadata say that it is
// sealed, and what a chunk takes of it.

import { joined } from "../core/bytes";
import type { JobKey } from "./db";
import type { Vault } from "./vault";

/** Plain bytes of a chunk; the last one is shorter. */
export const CHUNK_BYTES = 1_048_576;

/** Plain bytes of a part. R2 wants at least 5 MiB, and all parts but the last of the same size (R2 limits, 2026-10). */
export const PART_BYTES = 5 * CHUNK_BYTES;

/** What a whole chunk takes when it is stored; null: nothing is sealed. */
export type ChunkBytes = number | null;

export function chunkBytesOf(vault: Vault): ChunkBytes {
  return vault.seals ? CHUNK_BYTES + vault.overheadBytes : null;
}

export function chunkOptions(chunkBytes: ChunkBytes): { customMetadata?: Record<string, string> } {
  return chunkBytes === null ? {} : { customMetadata: { sealed: "chunks", chunk_bytes: String(chunkBytes) } };
}

export function readChunkBytes(object: R2Object): ChunkBytes {
  const text = object.customMetadata?.chunk_bytes;
  return text === undefined ? null : Number(text);
}

/** How many plain bytes are in an object of this size. */
export function plainBytes(storedBytes: number, chunkBytes: ChunkBytes): number {
  if (chunkBytes === null) return storedBytes;
  return storedBytes - Math.ceil(storedBytes / chunkBytes) * (chunkBytes - CHUNK_BYTES);
}

/** The bytes as they are to be stored, when `first` is the number of their first chunk. */
export async function sealChunks(
  vault: Vault,
  owner: JobKey,
  first: number,
  bytes: Uint8Array,
): Promise<Uint8Array> {
  if (!vault.seals) return bytes;
  const sealed: Uint8Array[] = [];
  for (let at = 0; at < bytes.byteLength; at += CHUNK_BYTES) {
    const about = chunkName(owner, first + sealed.length);
    sealed.push(await vault.sealBytes(about, bytes.subarray(at, at + CHUNK_BYTES)));
  }
  return joined(sealed);
}

export function openChunk(
  vault: Vault,
  owner: JobKey,
  index: number,
  bytes: Uint8Array,
): Promise<Uint8Array> {
  return vault.openBytes(chunkName(owner, index), bytes);
}

function chunkName({ projectId, id }: JobKey, index: number): JobKey {
  return { projectId, id: `${id}/${index}` };
}

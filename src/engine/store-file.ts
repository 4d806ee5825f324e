// Stores a file that comes in one piece: its content first, then its row, so that a file that is seen is whole.

import { AppError } from "../core/errors";
import type { StoredFile } from "../core/file";
import { LIMITS } from "../core/limits";
import type { Deps } from "../deps";
import { insertFile } from "../store/files";
import { ObjectWriter, type Written } from "../store/object-writer";
import { deleteObjects, fileKey } from "../store/objects";
import { askTwice } from "./answer";

/** `sha256`: what its content must have, in hex; null: anything. */
export type IncomingFile = {
  projectId: string;
  name: string;
  contentType: string;
  sha256: string | null;
  content: AsyncIterable<Uint8Array>;
};

/** Throws `payload_too_large` or `digest_mismatch`, or what `content` throws; then nothing is kept. */
export async function storeFile(deps: Deps, incoming: IncomingFile): Promise<StoredFile> {
  const { projectId, name, contentType } = incoming;
  const owner = { projectId, id: deps.newId("file") };
  const { bytes, sha256 } = await writeContent(deps, owner, incoming);
  const row = { ...owner, name, contentType, sizeBytes: bytes, sha256, upload: null };
  // When D1 does not tell whether the row is there, the content stays: without a row it is found by housekeeping.
  const file = await askTwice(() => insertFile(deps.db, row, deps.config.retentionMs));
  if (file) return file;
  await deleteObjects(deps.bucket, [fileKey(owner)]);
  throw new AppError("not_found", { message: "The project was deleted." });
}

async function writeContent(
  deps: Deps,
  owner: { projectId: string; id: string },
  { content, sha256 }: IncomingFile,
): Promise<Written> {
  const writer = new ObjectWriter(deps, owner, fileKey(owner));
  try {
    let bytes = 0;
    for await (const chunk of content) {
      bytes += chunk.byteLength;
      if (bytes > LIMITS.fileBytes) throw fileTooLarge();
      await writer.write(chunk);
    }
    const written = await writer.close();
    if (sha256 !== null && sha256 !== written.sha256) throw new AppError("digest_mismatch");
    return written;
  } catch (error) {
    // What cannot be removed now is found by housekeeping.
    await writer.abort().catch(() => {});
    throw error;
  }
}

export function fileTooLarge(): AppError {
  return new AppError("payload_too_large", {
    message: `The file is larger than ${LIMITS.fileBytes} bytes. Split it.`,
  });
}

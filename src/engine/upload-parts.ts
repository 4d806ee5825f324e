// Uploads that can be resumed: begun, fed part by part in any order, and completed.

import { AppError } from "../core/errors";
import type { StoredFile } from "../core/file";
import { LIMITS } from "../core/limits";
import type { Deps } from "../deps";
import {
  completeFile,
  type FileRecord,
  getFile,
  insertFile,
  type NewFile,
  saveFilePart,
} from "../store/files";
import { abortParts, beginParts, completeParts, hasObject, putPart, takesParts } from "../store/object-parts";
import { openStream } from "../store/object-range";
import { deleteObjects, fileKey } from "../store/objects";
import { PART_BYTES } from "../store/sealed-chunks";
import { askTwice } from "./answer";
import { eraseFile } from "./erase-files";
import { fileTooLarge } from "./store-file";

/** `sizeBytes`: null when nobody knows yet. */
export type BegunFile = Pick<NewFile, "projectId" | "name" | "contentType" | "sizeBytes">;

export async function beginUpload(deps: Deps, begun: BegunFile): Promise<StoredFile> {
  const id = deps.newId("file");
  const key = fileKey({ projectId: begun.projectId, id });
  const upload = await beginParts(deps, key);
  const row = { ...begun, id, sha256: null, upload };
  const file = await askTwice(() => insertFile(deps.db, row, deps.config.retentionMs));
  if (file) return file;
  await abortParts(deps.bucket, key, upload.uploadId);
  throw new AppError("not_found", { message: "The project was deleted." });
}

/** Repeatable, and with other bytes: the last one counts. */
export async function putUploadPart(
  deps: Deps,
  file: FileRecord,
  number: number,
  bytes: Uint8Array,
): Promise<StoredFile> {
  const { projectId, id, upload } = file;
  if (upload === null) throw new AppError("upload_ended");
  checkPart(file, number, bytes.byteLength);
  if (!takesParts(deps, upload)) {
    const message = "ENCRYPTION_KEYS has changed since this upload was begun. Begin a new one.";
    throw new AppError("upload_ended", { message });
  }
  const etag = await putPart(deps, file, fileKey(file), { uploadId: upload.uploadId, number, bytes });
  if (etag === null) throw new AppError("upload_ended");
  const part = { bytes: bytes.byteLength, etag };
  const saved = await askTwice(() => saveFilePart(deps.db, projectId, id, number, part));
  if (!saved) throw new AppError("upload_ended");
  return saved;
}

/** Throws `invalid_request` or `payload_too_large` for a part that no file of this size can have. */
function checkPart({ sizeBytes }: FileRecord, number: number, bytes: number): void {
  const end = (number - 1) * PART_BYTES + bytes;
  if (end > LIMITS.fileBytes) throw fileTooLarge();
  if (bytes === 0) throw invalidPart("expected at least one byte.");
  if (sizeBytes === null) return;
  const expected = Math.min(PART_BYTES, sizeBytes - (number - 1) * PART_BYTES);
  if (expected <= 0) throw invalidPart(`a file of ${sizeBytes} bytes has no part ${number}.`);
  if (bytes !== expected) throw invalidPart(`part ${number} has ${bytes} bytes, expected ${expected}.`);
}

function invalidPart(problem: string): AppError {
  return new AppError("invalid_request", { message: `body: ${problem}`, param: "body" });
}

/**
 * Repeatable from wherever it was broken off. `sha256`: what the content must have; else the file is erased, and
 * `digest_mismatch` thrown.
 */
export async function completeUpload(
  deps: Deps,
  file: FileRecord,
  sha256: string | null,
): Promise<StoredFile> {
  if (file.upload === null) return checked(file, sha256);
  const bytes = checkWhole(file);
  await joinParts(deps, file, file.upload.uploadId);
  const found = await digestOf(deps, file);
  if (sha256 !== null && sha256 !== found) {
    await eraseFile(deps, file.projectId, file.id);
    throw new AppError("digest_mismatch");
  }
  const content = { bytes, sha256: found };
  const ready = await askTwice(() => completeFile(deps.db, file, content, deps.config.retentionMs));
  const now = ready ?? (await getFile(deps.db, file.projectId, file.id));
  if (now) return now;
  // Deleted meanwhile, perhaps before its content was there.
  await deleteObjects(deps.bucket, [fileKey(file)]);
  throw new AppError("not_found");
}

function checked(file: StoredFile, sha256: string | null): StoredFile {
  if (sha256 !== null && sha256 !== file.sha256) throw new AppError("digest_mismatch");
  return file;
}

/** The bytes of all parts. Throws `upload_incomplete`. */
function checkWhole({ sizeBytes, parts }: StoredFile): number {
  const missing = (number: number) =>
    new AppError("upload_incomplete", {
      message: `Part ${number} of the upload is missing, or is too short.`,
    });
  const count = Math.max(0, ...Object.keys(parts).map(Number));
  if (count === 0) throw missing(1);
  let bytes = 0;
  for (let number = 1; number <= count; number++) {
    const part = parts[number];
    if (!part || (number < count && part.bytes !== PART_BYTES)) throw missing(number);
    bytes += part.bytes;
  }
  if (sizeBytes !== null && bytes !== sizeBytes) throw missing(count + 1);
  return bytes;
}

async function joinParts(deps: Deps, file: StoredFile, uploadId: string): Promise<void> {
  const key = fileKey(file);
  const parts = Object.entries(file.parts).map(([number, { etag }]) => ({
    partNumber: Number(number),
    etag,
  }));
  const outcome = await completeParts(deps.bucket, key, uploadId, parts);
  if (outcome === "changed") {
    const message = "A part was sent twice at the same time. Send the parts again that overlapped.";
    throw new AppError("upload_incomplete", { message });
  }
  // It may have been completed by a call whose end nobody heard.
  if (outcome === "gone" && !(await hasObject(deps.bucket, key))) throw new AppError("upload_ended");
}

/** The parts came in any order: the whole is read once more. */
async function digestOf(deps: Deps, file: StoredFile): Promise<string> {
  const digest = new crypto.DigestStream("SHA-256");
  const content = await openStream(deps, file, fileKey(file));
  await content.pipeTo(digest);
  return new Uint8Array(await digest.digest).toHex();
}

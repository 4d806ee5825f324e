// Erases files: hidden first, then their content, then their rows, so that it can be broken off anywhere and done again.

import type { Deps } from "../deps";
import { deleteFileRows, type FileRecord, findExpiredFiles, findFilesOf, hideFile } from "../store/files";
import { abortParts } from "../store/object-parts";
import { deleteObjects, fileKey } from "../store/objects";

const SLICE = 200;

/** False: there was none. When it throws, the file is hidden, and housekeeping does the rest. */
export async function eraseFile(deps: Deps, projectId: string, id: string): Promise<boolean> {
  const file = await hideFile(deps.db, projectId, id);
  if (file) await purgeFiles(deps, [file]);
  return file !== null;
}

/** Those whose time is over, up to `limit` of them. Returns how many there were. */
export async function eraseExpiredFiles(deps: Deps, limit: number): Promise<number> {
  const files = await findExpiredFiles(deps.db, limit);
  await purgeFiles(deps, files);
  return files.length;
}

/** All files of a project that is being erased. */
export async function eraseFilesOf(deps: Deps, projectId: string): Promise<void> {
  let files: FileRecord[];
  do {
    files = await findFilesOf(deps.db, projectId, SLICE);
    await purgeFiles(deps, files);
  } while (files.length > 0);
}

async function purgeFiles(deps: Deps, files: FileRecord[]): Promise<void> {
  if (files.length === 0) return;
  for (const file of files) {
    if (file.upload) await abortParts(deps.bucket, fileKey(file), file.upload.uploadId);
  }
  await deleteObjects(deps.bucket, files.map(fileKey));
  await deleteFileRows(deps.db, files);
}

// What a task reads and writes beside its input and output: uploaded files, and files of its job's own.

import { AppError } from "../core/errors";
import type { WholeJob } from "../core/job";
import type { Deps } from "../deps";
import { type FileRecord, getFile } from "../store/files";
import { openStream, readRange } from "../store/object-range";
import { ObjectWriter } from "../store/object-writer";
import { fileKey, jobFileKey } from "../store/objects";
import type { Files, JobFile } from "../tasks/define";

export function readFiles(deps: Deps, projectId: string): Files {
  // A run asks for the same file again and again.
  const known = new Map<string, FileRecord>();
  const find = async (id: string) => {
    const file = known.get(id) ?? (await findReadyFile(deps, projectId, id));
    known.set(id, file);
    return file;
  };
  return {
    async describe(id) {
      const { name, contentType, sizeBytes } = await find(id);
      return { name, contentType, sizeBytes: sizeBytes ?? 0 };
    },
    async read(id, from, to) {
      const file = await find(id);
      return readRange(deps, file, fileKey(file), from, to);
    },
  };
}

/** Throws `file_missing` for a file that is not there, or another project's, `file_not_ready` for half an upload. */
export async function findReadyFile(deps: Deps, projectId: string, id: string) {
  const file = await getFile(deps.db, projectId, id);
  if (!file)
    throw new AppError("file_missing", { message: `There is no file "${id}", or its time is over.` });
  if (file.state === "ready") return file;
  throw new AppError("file_not_ready", { message: `The upload of the file "${id}" is not complete.` });
}

/** What small pieces are put together to: a call for each line would cost more than the line. */
const PIECE_CHARS = 256_000;

/** Nobody sees it before it is whole. */
export async function writeJobFile(
  deps: Deps,
  job: WholeJob,
  name: string,
  content: AsyncIterable<string | Uint8Array>,
): Promise<JobFile> {
  const writer = new ObjectWriter(deps, job, jobFileKey(job, name));
  try {
    for await (const piece of inPieces(content)) await writer.write(piece);
    const { bytes } = await writer.close();
    return { name, run: job.run, bytes };
  } catch (error) {
    // What cannot be removed now goes with the job.
    await writer.abort().catch(() => {});
    throw error;
  }
}

/** What a run of the job has written, perhaps an earlier one. */
export async function readJobFile(deps: Deps, job: WholeJob, { name, run }: JobFile): Promise<string> {
  const { projectId, id } = job;
  return new Response(await openStream(deps, job, jobFileKey({ projectId, id, run }, name))).text();
}

async function* inPieces(content: AsyncIterable<string | Uint8Array>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  let text = "";
  for await (const part of content) {
    if (typeof part === "string") text += part;
    if (typeof part === "string" && text.length < PIECE_CHARS) continue;
    if (text !== "") yield encoder.encode(text);
    text = "";
    if (typeof part !== "string") yield part;
  }
  if (text !== "") yield encoder.encode(text);
}

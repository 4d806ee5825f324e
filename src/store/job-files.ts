// The files that a job has written: of each name the one of the newest run, which is not always that of the job's end.

import type { JobKey } from "./db";
import { reach, type Storage } from "./objects";
import { plainBytes, readChunkBytes } from "./sealed-chunks";

export type WrittenFile = { name: string; key: string; bytes: number; etag: string };

/** What stands in a run's folder besides its files. */
const OUTPUT = "output";

/** By name. */
export async function listJobFiles({ bucket }: Storage, job: JobKey): Promise<WrittenFile[]> {
  const prefix = `${job.projectId}/${job.id}/`;
  // A job has few objects: a page is all of them.
  const { objects } = await reach(bucket.list({ prefix, include: ["customMetadata"] }));
  const newest = new Map<string, { run: number; object: R2Object }>();
  for (const object of objects) {
    const [run = "", name] = object.key.slice(prefix.length).split("/");
    if (name === undefined || name === OUTPUT || Number(run) < (newest.get(name)?.run ?? 0)) continue;
    newest.set(name, { run: Number(run), object });
  }
  const files = [...newest].map(([name, { object }]) => ({
    name,
    key: object.key,
    bytes: plainBytes(object.size, readChunkBytes(object)),
    etag: object.httpEtag,
  }));
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Null: it has no file of this name. */
export async function findJobFile(storage: Storage, job: JobKey, name: string): Promise<WrittenFile | null> {
  return (await listJobFiles(storage, job)).find((file) => file.name === name) ?? null;
}

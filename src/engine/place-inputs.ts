// Puts the inputs of new jobs where they belong: small ones into the row, large ones into R2.

import type { Deps } from "../deps";
import { deleteObjects, inputKey, storeText } from "../store/objects";
import type { NewJob } from "../store/submit";

/** Calls to R2 at a time. The platform lets six connections wait; two are left for the rest. */
const AT_A_TIME = 4;

export async function placeInputs(deps: Deps, projectId: string, jobs: NewJob[]): Promise<void> {
  await inGroups(jobs, async (job) => {
    const key = { projectId, id: job.id };
    const stored = await storeText(deps, key, inputKey(key), job.input ?? "");
    job.input = stored.inline;
    job.input_key = stored.key;
    job.input_bytes = stored.bytes;
  });
}

/** Deletes the large inputs of jobs that were not written after all. */
export async function dropInputs(deps: Deps, projectId: string, jobs: NewJob[]): Promise<void> {
  const inR2 = jobs.filter((job) => job.input_key !== null);
  await deleteObjects(
    deps.bucket,
    inR2.map(({ id }) => inputKey({ projectId, id })),
  );
}

async function inGroups<T>(items: T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let i = 0; i < items.length; i += AT_A_TIME)
    await Promise.all(items.slice(i, i + AT_A_TIME).map(work));
}

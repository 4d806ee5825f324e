// Outputs of jobs: where each is kept, and under whose name it is sealed.
//
// What a job that uses the cache is complete with belongs to its entry, and to all that share it: it is sealed in the name
// of the entry, and as an object it lies beside none of them. What a job was stopped with is its own.

import type { Job, WholeJob } from "../core/job";
import type { JobKey } from "./db";
import { loadText, outputKey, type Storage, sharedOutputKey, storeText } from "./objects";
import type { StoredText } from "./run-ends";

type Owned = Pick<Job, "projectId" | "id" | "cacheKey" | "state">;

export function outputOwner({ projectId, id, cacheKey, state }: Owned): JobKey {
  return state === "completed" && cacheKey !== null
    ? { projectId, id: `cache/${cacheKey}` }
    : { projectId, id };
}

/** Of a run that is about to end its job like that. */
export function storeOutput(
  store: Storage,
  job: Job,
  state: "completed" | "cancelled",
  output: unknown,
): Promise<StoredText> {
  const { cacheKey } = job;
  const key = state === "completed" && cacheKey !== null ? sharedOutputKey(job, cacheKey) : outputKey(job);
  return storeText(store, outputOwner({ ...job, state }), key, JSON.stringify(output ?? null));
}

/** JSON text; null: it has none. */
export async function loadOutput(store: Storage, job: WholeJob): Promise<string | null> {
  if (job.output !== null) return store.vault.openText(outputOwner(job), job.output);
  return job.outputKey === null ? null : loadText(store, outputOwner(job), job.outputKey);
}

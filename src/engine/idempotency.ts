// Idempotency keys: the same key and body give the same jobs, the same key with another body is refused.

import { canonicalJson } from "../core/canonical";
import { AppError } from "../core/errors";
import type { Job } from "../core/job";
import type { Deps } from "../deps";
import { type BulkKey, findByKeys, findMismatches, type NewJob } from "../store/submit";
import type { JobRequest } from "./check-jobs";
import { sha256 } from "./sha256";

/** The jobs of a submit with the keys they came with. */
export type Keyed = { projectId: string; jobs: NewJob[]; bulkKey: BulkKey | null };

/**
 * SHA-256 of one job as it was asked for, in hex. Without its key: as a header and as a field of a bulk's item it means the
 * same. With the channel that a token forces: a key must never lead a token to a job of another channel.
 */
export function hashOfJob(request: JobRequest, channel: string | null): Promise<string> {
  return sha256(canonicalJson({ ...request, channel: channel ?? undefined, idempotency_key: undefined }));
}

/** The same of a whole bulk submit. `channel`: the one a token forces. */
export async function toBulkKey(
  key: string,
  requests: JobRequest[],
  channel: string | null,
): Promise<BulkKey> {
  const asked = requests.map((job) => ({ ...job, channel: channel ?? job.channel }));
  return { key, hash: await sha256(canonicalJson(asked)) };
}

/** How many of the jobs no earlier request has made, as far as can be known before they are stored. */
export async function countNew(deps: Deps, { projectId, jobs, bulkKey }: Keyed): Promise<number> {
  const keys = keysOf(jobs, bulkKey);
  if (keys.length === 0) return jobs.length;
  const made = await findByKeys(deps.db, projectId, keys);
  if (bulkKey && made.has(bulkKey.key)) return 0;
  const names = jobs.map((job) => job.idempotency_key ?? job.id);
  return new Set(names.filter((name) => !made.has(name))).size;
}

/** The ids of the jobs in the order of the request, where keys have led to jobs of earlier requests. */
export async function findIds(
  deps: Deps,
  { projectId, jobs, bulkKey }: Keyed,
  inserted: Map<string, Job>,
): Promise<string[]> {
  const made = await findByKeys(deps.db, projectId, keysOf(jobs, bulkKey));
  // The key of the call leads to the ids it was to write; where an item's own key had led elsewhere, that is the job.
  const all = bulkKey && inserted.size === 0 ? made.get(bulkKey.key) : undefined;
  return jobs.map(
    (job, i) => (job.idempotency_key && made.get(job.idempotency_key)?.[0]) || all?.[i] || job.id,
  );
}

/** The error for a key that came with another body. `inList`: it names the places in the list. */
export async function mismatchError(deps: Deps, keyed: Keyed, inList: boolean): Promise<AppError> {
  const { projectId, jobs, bulkKey } = keyed;
  const used = jobs.flatMap((job) =>
    job.idempotency_key && job.hash ? [{ key: job.idempotency_key, hash: job.hash }] : [],
  );
  const all = bulkKey ? [bulkKey, ...used] : used;
  const wrong = await findMismatches(deps.db, projectId, all);
  if (!inList || (bulkKey && wrong.has(bulkKey.key))) {
    return new AppError("idempotency_mismatch", { param: "Idempotency-Key" });
  }
  const errors = jobs.flatMap(({ idempotency_key: key, hash }, index) => {
    const first = all.find((other) => other.key === key);
    if (!key || !(wrong.has(key) || first?.hash !== hash)) return [];
    const message = "This key was used before with another body.";
    return [{ index, param: `jobs[${index}].idempotency_key`, message }];
  });
  return new AppError("idempotency_mismatch", { param: errors[0]?.param, errors });
}

function keysOf(jobs: NewJob[], bulkKey: BulkKey | null): string[] {
  const keys = jobs.flatMap((job) => (job.idempotency_key === null ? [] : [job.idempotency_key]));
  return bulkKey ? [bulkKey.key, ...keys] : keys;
}

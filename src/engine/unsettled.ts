// Answers that the database would not take. They have been paid for: R2 keeps them until a later run of the job settles them.

import { AppError, type ErrorCode } from "../core/errors";
import type { WholeJob } from "../core/job";
import type { Deps } from "../deps";
import type { JobKey } from "../store/db";
import { deleteObjects, listKeys, loadText, putText, unsettledKey, unsettledPrefix } from "../store/objects";
import type { RunEnd } from "./settle";

/** An AppError as it is stored. */
type StoredError = { code: ErrorCode; message: string; retryable: boolean; retryAfterMs: number | null };

type StoredEnd = Omit<RunEnd, "result"> & {
  result: Extract<RunEnd["result"], { ok: true }> | { ok: false; error: StoredError; partial: unknown };
};

/** Throws `store_unavailable` when R2 does not answer either. */
export async function keepUnsettled(deps: Deps, job: WholeJob, end: RunEnd): Promise<void> {
  await putText(deps, job, unsettledKey(job), JSON.stringify(toStored(end)));
}

/**
 * How an earlier run of this job ended that nobody has settled; an answer rather than an error. Null: there is none. A job
 * in its first run has none, and is not looked for. Throws `store_unavailable` when R2 cannot tell.
 */
export async function findUnsettled(deps: Deps, job: WholeJob): Promise<RunEnd | null> {
  if (job.run <= 1) return null;
  const keys = await listKeys(deps.bucket, unsettledPrefix(job));
  const ends: RunEnd[] = [];
  for (const key of keys) ends.push(toEnd(JSON.parse(await loadText(deps, job, key)) as StoredEnd));
  return ends.find((end) => end.result.ok) ?? ends[0] ?? null;
}

export async function dropUnsettled(deps: Deps, job: JobKey): Promise<void> {
  await deleteObjects(deps.bucket, await listKeys(deps.bucket, unsettledPrefix(job)));
}

function toStored(end: RunEnd): StoredEnd {
  if (end.result.ok) return { ...end, result: end.result };
  const { error, partial } = end.result;
  const { code, message, retryable, retryAfterMs } = error;
  return { ...end, result: { ok: false, error: { code, message, retryable, retryAfterMs }, partial } };
}

function toEnd(stored: StoredEnd): RunEnd {
  if (stored.result.ok) return { ...stored, result: stored.result };
  const { code, message, retryable, retryAfterMs } = stored.result.error;
  const error = new AppError(code, { message, retryable, retryAfterMs: retryAfterMs ?? undefined });
  return { ...stored, result: { ok: false, error, partial: stored.result.partial } };
}

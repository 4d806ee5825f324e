// Answers that the database would not take. They have been paid for: R2 keeps them until a later run of the job settles them.

import { AppError, type ErrorCode } from "../core/errors";
import type { Job, WholeJob } from "../core/job";
import type { Deps } from "../deps";
import { errorField } from "../log";
import { writeLost } from "../store/ledger";
import { deleteObjects, listKeys, loadText, putText, unsettledKey, unsettledPrefix } from "../store/objects";
import { type RunEnd, usedBy } from "./settle";

/** An AppError as it is stored. */
type StoredError = { code: ErrorCode; message: string; retryable: boolean; retryAfterMs: number | null };

/** What the run was about: which attempt and turn of the job, since which start. */
type Tried = Pick<Job, "startedAt" | "attempt" | "turns">;

type StoredEnd = Omit<RunEnd, "result"> & {
  tried: Tried;
  result: Extract<RunEnd["result"], { ok: true }> | { ok: false; error: StoredError; partial: unknown };
};

type Kept = { key: string; tried: Tried; end: RunEnd };

/** Throws `store_unavailable` when R2 does not answer either. */
export async function keepUnsettled(deps: Deps, job: WholeJob, end: RunEnd): Promise<void> {
  await putText(deps, job, unsettledKey(job), JSON.stringify({ ...toStored(end), tried: triedBy(job) }));
}

/**
 * How an earlier run of this turn ended that nobody has settled; an answer rather than an error. Null: there is none. A job
 * in its first run has none, and is not looked for. Throws `store_unavailable` when R2 cannot tell.
 */
export async function findUnsettled(deps: Deps, job: WholeJob): Promise<RunEnd | null> {
  if (job.run <= 1) return null;
  const kept = await load(deps, job);
  const open = kept.filter((one) => isOpen(one, job)).map(({ end }) => end);
  if (open.length < kept.length) deps.background(closeAll(deps, job, kept, (one) => isOpen(one, job)));
  const end = open.find(({ result }) => result.ok) ?? open[0];
  return end ? { ...end, forgiven: open.length } : null;
}

/** Whether a run of this job has left its end. Throws `store_unavailable` when R2 cannot tell. */
export async function hasUnsettled(deps: Deps, job: Job): Promise<boolean> {
  return (await listKeys(deps.bucket, unsettledPrefix(job))).length > 0;
}

/**
 * For a job that has moved on: what is left of its runs goes, and what they have used is in the ledger. Never throws: should
 * it stay, it goes with the job.
 */
export async function closeUnsettled(deps: Deps, job: Job): Promise<void> {
  try {
    if (await hasUnsettled(deps, job)) await closeAll(deps, job, await load(deps, job), () => false);
  } catch (error) {
    deps.log("unsettled_not_closed", { job: job.id, error: errorField(error) });
  }
}

async function closeAll(deps: Deps, job: Job, kept: Kept[], isOpen: (one: Kept) => boolean): Promise<void> {
  // A later run may have left its own meanwhile: that one is not ours.
  const over = kept.filter((one) => !isOpen(one) && one.end.run <= job.run);
  for (const { end } of over) {
    const used = usedBy(deps, job, end);
    // It changes nothing where the run's line is written.
    if (used) await writeLost(deps.db, job, used);
  }
  await deleteObjects(
    deps.bucket,
    over.map(({ key }) => key),
  );
}

function triedBy({ startedAt, attempt, turns }: Job): Tried {
  return { startedAt, attempt, turns };
}

/**
 * Whether it says how the job's present run may end. An answer of an earlier attempt is as good as one of this attempt; its
 * error is not, and after a rerun or in another turn the question is another one.
 */
function isOpen({ tried, end }: Kept, job: Job): boolean {
  if (tried.startedAt !== job.startedAt || tried.turns !== job.turns) return false;
  return end.result.ok || tried.attempt === job.attempt;
}

async function load(deps: Deps, job: Job): Promise<Kept[]> {
  const kept: Kept[] = [];
  for (const key of await listKeys(deps.bucket, unsettledPrefix(job))) {
    try {
      const stored = JSON.parse(await loadText(deps, job, key)) as StoredEnd;
      kept.push({ key, tried: stored.tried, end: toEnd(stored) });
    } catch (error) {
      // Listed, and gone: it was settled a moment ago.
      if (!(error instanceof AppError && error.code === "object_missing")) throw error;
    }
  }
  return kept;
}

function toStored(end: RunEnd): Omit<StoredEnd, "tried"> {
  if (end.result.ok) return { ...end, result: end.result };
  const { error, partial } = end.result;
  const { code, message, retryable, retryAfterMs } = error;
  return { ...end, result: { ok: false, error: { code, message, retryable, retryAfterMs }, partial } };
}

function toEnd({ tried: _, ...stored }: StoredEnd): RunEnd {
  if (stored.result.ok) return { ...stored, result: stored.result };
  const { code, message, retryable, retryAfterMs } = stored.result.error;
  const error = new AppError(code, { message, retryable, retryAfterMs: retryAfterMs ?? undefined });
  return { ...stored, result: { ok: false, error, partial: stored.result.partial } };
}

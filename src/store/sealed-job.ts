// Which parts of a job's row are sealed: what a run says about its work. Input, output and turn state are sealed as a whole.

import type { Job, JobError, Progress, WholeJob } from "../core/job";
import type { JobKey } from "./db";
import type { Vault } from "./vault";

export async function sealError<E extends JobError | null>(vault: Vault, job: JobKey, error: E): Promise<E> {
  return error && { ...error, message: await vault.sealText(job, error.message) };
}

export async function sealProgress(vault: Vault, job: JobKey, progress: Progress | null) {
  if (!progress || progress.message === null) return progress;
  return { ...progress, message: await vault.sealText(job, progress.message) };
}

/** The job as it may be shown to its owner, without input and output. */
export async function openJob<J extends Job>(vault: Vault, job: J): Promise<J> {
  if (!holdsSealed(job)) return job;
  return {
    ...job,
    error: await openError(vault, errorOwner(job), job.error),
    progress: job.progress && { ...job.progress, message: await open(vault, job, job.progress.message) },
  };
}

/** As openJob, with what the task is to find in its next turn and the errors of its attempts. */
export async function openWholeJob(vault: Vault, job: WholeJob): Promise<WholeJob> {
  const attempts = await Promise.all(
    job.attempts.map(async (one) => ({ ...one, error: await openError(vault, job, one.error) })),
  );
  return { ...(await openJob(vault, job)), attempts, turnState: await open(vault, job, job.turnState) };
}

/** A job that has failed with the one it followed has that one's error. */
export function errorOwner({ projectId, id, follows }: Pick<Job, "projectId" | "id" | "follows">): JobKey {
  return { projectId, id: follows ?? id };
}

/** Most jobs of a list have neither: no need to copy them. */
function holdsSealed(job: Job): boolean {
  return job.error !== null || (job.progress?.message ?? null) !== null;
}

async function openError(vault: Vault, job: JobKey, error: JobError | null): Promise<JobError | null> {
  return error && { ...error, message: await vault.openText(job, error.message) };
}

async function open(vault: Vault, job: JobKey, text: string | null): Promise<string | null> {
  return text === null ? null : vault.openText(job, text);
}

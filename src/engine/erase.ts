// Erases a job: its row, tags and idempotency key, then every object of every run.

import { AppError } from "../core/errors";
import type { Deps } from "../deps";
import type { JobKey } from "../store/db";
import { eraseJob, getJob } from "../store/jobs";
import { eraseObjects } from "../store/objects";

/** Throws `not_found`, or `job_not_final` while it runs. */
export async function erase(deps: Deps, key: JobKey): Promise<void> {
  const job = await getJob(deps.db, key);
  if (!job) throw new AppError("not_found");
  if (!(await eraseJob(deps.db, job))) {
    throw new AppError("job_not_final", { message: "The job is running. Cancel it, then erase it." });
  }
  await eraseObjects(deps.bucket, key);
}

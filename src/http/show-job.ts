// Finds a job for a caller, and shows it whole.

import type { JobOnWire } from "../contract/job";
import { presentJob, presentWholeJob } from "../contract/present";
import { AppError } from "../core/errors";
import { isJobId } from "../core/ids";
import type { WholeJob } from "../core/job";
import { SHOWN_OUTPUT_BYTES } from "../core/limits";
import type { Deps } from "../deps";
import { getJob } from "../store/jobs";
import { loadText } from "../store/objects";
import { type Caller, checkVisible } from "./caller";

/** Throws `not_found` for a job that is missing, another project's, or none of the token's business: all the same. */
export async function findJob(deps: Deps, caller: Caller, id: string): Promise<WholeJob> {
  const job = isJobId(id) ? await getJob(deps.db, { projectId: caller.projectId, id }) : null;
  if (!job) throw new AppError("not_found");
  checkVisible(caller, job);
  return job;
}

/**
 * With its output, fetched from R2 when it is not in the row and not too large to show. A token that may only submit gets
 * what lists show: neither output nor attempts.
 */
export async function showJob(deps: Deps, caller: Caller, job: WholeJob): Promise<JobOnWire> {
  if (caller.kind === "token" && !caller.allow.includes("read")) return presentJob(job, deps.now());
  const inR2 = job.outputKey !== null && (job.outputBytes ?? 0) <= SHOWN_OUTPUT_BYTES;
  const output = inR2 && job.outputKey ? await loadText(deps.bucket, job.outputKey) : job.output;
  return presentWholeJob(job, output, deps.now());
}

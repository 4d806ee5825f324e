// Finds a job for a caller, and shows it.

import type { JobOnWire } from "../contract/job";
import { presentJob, presentWholeJob } from "../contract/present";
import { AppError } from "../core/errors";
import { isJobId } from "../core/ids";
import { isErased, type Job, type WholeJob } from "../core/job";
import { SHOWN_OUTPUT_BYTES } from "../core/limits";
import type { Deps } from "../deps";
import { findReason } from "../engine/explain";
import { getJob } from "../store/jobs";
import { loadOutput } from "../store/outputs";
import { openJob, openWholeJob } from "../store/sealed-job";
import { type Caller, checkVisible } from "./caller";

/** Throws `not_found` for a job that is missing, erased, another project's, or none of the token's business: all the same. */
export async function findJob(deps: Deps, caller: Caller, id: string): Promise<WholeJob> {
  const job = isJobId(id) ? await getJob(deps.db, { projectId: caller.projectId, id }) : null;
  if (!job || isErased(job)) throw new AppError("not_found");
  checkVisible(caller, job);
  return job;
}

/** As lists show it: without input, output and attempts. */
export async function showJob(deps: Deps, job: Job): Promise<JobOnWire> {
  return presentJob(await openJob(deps.vault, job));
}

/**
 * With the reason why it waits, and its output, fetched from R2 when it is not in the row and not too large to show. A token that may only submit gets
 * what lists show: neither output nor attempts.
 */
export async function showWholeJob(deps: Deps, caller: Caller, job: WholeJob): Promise<JobOnWire> {
  if (caller.kind === "token" && !caller.allow.includes("read")) return showJob(deps, job);
  const shown = presentWholeJob(await openWholeJob(deps.vault, job), await shownOutput(deps, job));
  if (job.state !== "pending" || job.runAt > job.readAt) return shown;
  return { ...shown, reason: await findReason(deps, job) };
}

async function shownOutput(deps: Deps, job: WholeJob): Promise<string | null> {
  const isShown = job.output !== null || (job.outputBytes ?? 0) <= SHOWN_OUTPUT_BYTES;
  return isShown ? loadOutput(deps, job) : null;
}

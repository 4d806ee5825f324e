// Finds a batch for a caller, and shows it.

import { type BatchOnWire, presentBatch } from "../contract/batch";
import { AppError } from "../core/errors";
import type { Job } from "../core/job";
import { openJob } from "../store/sealed-job";
import { batchTasks } from "../tasks/index";
import type { HttpContext } from "./context";
import { findJob } from "./show-job";

/** Throws `not_found` for a job that is no batch, too. */
export async function findBatch(c: HttpContext, id: string) {
  const job = await findJob(c.var.deps, c.var.caller, id);
  if (!batchTasks.includes(job.task)) throw new AppError("not_found");
  return job;
}

export async function showBatch(c: HttpContext, job: Job): Promise<BatchOnWire> {
  return presentBatch(await openJob(c.var.deps.vault, job));
}

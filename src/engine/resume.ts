// What a run of a job with children does before its task: it does again what is to be redone, and waits on if it was started
// too early.

import { childId, openChildren } from "../core/children";
import { AppError } from "../core/errors";
import type { WholeJob } from "../core/job";
import { type Outcome, wait } from "../core/outcome";
import type { Deps } from "../deps";
import { firstLost } from "../store/children";
import { redoChildren, redone } from "../store/redo";
import { openJob } from "../store/sealed-job";
import { ring } from "./ring";

/** Children that are started again in one statement. */
const SLICE = 500;

/** Null: the task is to go on. Throws `child_failed` when a child did not complete and the job does not go on without it. */
export async function resume(deps: Deps, job: WholeJob, state: unknown): Promise<Outcome | null> {
  const { children, onChildFailure } = job;
  if (!children) return null;
  if (job.redo) await redo(deps, job, children.total);
  if (onChildFailure === null) return null;
  const waitOn = wait([], { state, onChildFailure });
  if (job.redo) return waitOn;
  const lost = children.failed + children.cancelled;
  if (onChildFailure === "fail" && lost > 0) throw await lostError(deps, job);
  const goesOn = onChildFailure === "continue" && lost > 0;
  return openChildren(children) > 0 && !goesOn ? waitOn : null;
}

async function redo(deps: Deps, job: WholeJob, total: number): Promise<void> {
  for (let from = 0; from < total; from += SLICE) {
    const range = { first: childId(job.id, from), last: childId(job.id, from + SLICE - 1) };
    const again = await redoChildren(deps.db, job, range, deps.config.timing);
    deps.background(ring(deps, again));
  }
  await redone(deps.db, job);
}

async function lostError(deps: Deps, job: WholeJob): Promise<AppError> {
  const lost = await firstLost(deps.db, job);
  if (!lost) return new AppError("child_failed");
  const { id, customId, state, error } = await openJob(deps.vault, lost);
  const name = customId === null ? id : `${id} (${customId})`;
  const how = error ? `failed with ${error.code}: ${error.message}` : `is ${state}`;
  return new AppError("child_failed", { message: `The child ${name} ${how}` });
}

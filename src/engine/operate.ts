// Does one thing to many jobs, slice by slice: the first slices at once, the rest by the clock.

import type { Job } from "../core/job";
import type { Operation } from "../core/operation";
import type { Deps } from "../deps";
import { type JobPage, listJobs } from "../store/job-list";
import { createOperation, type NewOperation, saveSlice } from "../store/operations";
import { markDeleted } from "../store/projects";
import { findToRing } from "../store/to-ring";
import { hasJobs, wipeProject } from "../store/wipe-project";
import { askTwice } from "./answer";
import { armClock, armClockFor } from "./arm-clock";
import { cancelAll } from "./cancel";
import { erase } from "./erase";
import { eraseFilesOf } from "./erase-files";
import { redo, rerunAll } from "./retry";
import { ring } from "./ring";
import { forgetStreams } from "./stream-logs";

/** Jobs of a slice. */
const SLICE = 100;

/** Slices before the answer: most operations end with them. */
const SLICES_AT_ONCE = 3;

/** What runs is given so long to stop, and what did not answer to come back, before a project is looked at again. */
const UNTIL_STOPPED_MS = 5_000;

/** Starts an operation and does what can be done before the answer. */
export async function operate(deps: Deps, start: Omit<NewOperation, "id">): Promise<Operation> {
  await armClock(deps);
  const id = deps.newId("op");
  return begin(deps, await askTwice(() => createOperation(deps.db, { ...start, id })));
}

/** The first slices of a new operation; the clock, which must be armed, is told of the rest. */
export async function begin(deps: Deps, created: Operation): Promise<Operation> {
  let operation = created;
  for (let i = 0; i < SLICES_AT_ONCE && operation.finishedAt === null; i++) {
    const next = await advance(deps, operation);
    if (next === null) break;
    operation = next;
  }
  if (operation.finishedAt === null) await armClockFor(deps, 0);
  return operation;
}

/**
 * One slice. Done twice, because the answer of the first time got lost, it changes nothing the second time: each of the
 * moves is guarded. Null: somebody else has finished it, or nothing can be done right now.
 */
export async function advance(deps: Deps, operation: Operation): Promise<Operation | null> {
  const { target, id } = operation;
  const { jobs, next } = await nextSlice(deps, operation);
  const changed = await apply(deps, operation, jobs);
  deps.log("operation_slice", { operation: id, action: operation.action, changed });
  if (next !== null) {
    return saveSlice(deps.db, operation, { position: next, changed, wakeInMs: 0 });
  }
  if (operation.action === "erase_project") {
    if ((await hasJobs(deps.db, target)) || !(await forgetStreams(deps, target))) {
      await saveSlice(deps.db, operation, { position: null, changed, wakeInMs: UNTIL_STOPPED_MS });
      return null;
    }
    await eraseFilesOf(deps, target);
    await wipeProject(deps, target);
  }
  return saveSlice(deps.db, operation, { position: null, changed, wakeInMs: null });
}

function nextSlice({ db }: Deps, operation: Operation): Promise<JobPage> {
  if (operation.action === "ring") return findToRing(db, operation, SLICE);
  return listJobs(db, operation.target, operation.filter, SLICE, operation.position);
}

async function apply(deps: Deps, operation: Operation, jobs: Job[]): Promise<number> {
  switch (operation.action) {
    case "cancel":
      return (await cancelAll(deps, jobs)).length;
    case "retry":
      return retryAll(deps, operation, jobs);
    case "erase_project":
      // With each slice, so that no step of the way can be left out.
      await markDeleted(deps.db, operation.target);
      await erase(deps, jobs);
      return jobs.length;
    case "erase":
      await erase(deps, jobs);
      return jobs.length;
    case "ring":
      await ring(deps, jobs);
      return jobs.length;
  }
}

/** Jobs with children start theirs again by themselves. */
async function retryAll(deps: Deps, operation: Operation, jobs: Job[]): Promise<number> {
  const alone = jobs.filter(({ children }) => children === null);
  let changed = (await rerunAll(deps, spread(operation, alone))).length;
  for (const parent of jobs.filter(({ children }) => children !== null)) {
    if (await redo(deps, parent)) changed += 1;
  }
  return changed;
}

/** Each job at its own time, `rate` of them in a second, counted from the start of the operation. */
function spread({ rate, changed, createdAt, readAt }: Operation, jobs: Job[]) {
  return jobs.map(({ projectId, id }, i) => {
    const atMs = rate === null ? 0 : ((changed + i) / rate) * 1_000;
    return { projectId, id, delayMs: Math.max(0, Math.round(createdAt + atMs - readAt)) };
  });
}

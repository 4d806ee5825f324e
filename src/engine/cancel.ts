// Cancels jobs: at once those that wait, within about a second those that run.

import { moveEvent } from "../core/events";
import { isErased, type Job } from "../core/job";
import { isFinal } from "../core/lifecycle";
import type { Deps } from "../deps";
import type { JobKey } from "../store/db";
import { askToStop, cancelJobs } from "../store/moves";
import { afterEnd } from "./after-end";
import { announce } from "./announce";
import { endLogs } from "./end-log";

/** Returns the jobs that this call has changed, as they are after it: `cancelled`, or running and asked to stop. */
export async function cancelAll(deps: Deps, keys: JobKey[]): Promise<Job[]> {
  if (keys.length === 0) return [];
  const moved: Job[] = [];
  // Twice: between the two questions a run may have gone back into the line.
  for (const move of [cancelJobs, askToStop, cancelJobs]) {
    const missing = keys.filter((key) => !moved.some((job) => job.id === key.id));
    if (missing.length > 0) moved.push(...(await move(deps.db, missing)));
  }
  const shown = moved.filter((job) => !isErased(job));
  deps.background(
    announce(
      deps,
      shown.map((job) => ({ job, event: moveEvent(job, deps.now()) })),
    ),
  );
  deps.background(endLogs(deps, shown));
  deps.background(
    afterEnd(
      deps,
      moved.filter((job) => isFinal(job.state)),
    ),
  );
  return moved;
}

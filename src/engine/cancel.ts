// Cancels a job: at once when it waits, within about a second when it runs.

import { moveEvent } from "../core/events";
import type { WholeJob } from "../core/job";
import type { Deps } from "../deps";
import type { JobKey } from "../store/db";
import { getJob } from "../store/jobs";
import { askToStop, cancelJob } from "../store/moves";
import { announce } from "./announce";

/** The job after it, whether this call changed it or it had ended before. Null: no such job. */
export async function cancel(deps: Deps, key: JobKey): Promise<WholeJob | null> {
  const first = (await cancelJob(deps.db, key)) ?? (await askToStop(deps.db, key));
  // Between the two questions a run may have gone back into the line.
  const moved = first ?? (await cancelJob(deps.db, key));
  if (moved) deps.background(announce(deps, [{ job: moved, event: moveEvent(moved, deps.now()) }]));
  return getJob(deps.db, key);
}

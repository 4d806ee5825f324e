// Erases jobs: from now on nobody sees them. What runs is stopped first; the rest is removed at once.

import type { Job } from "../core/job";
import { isFinal } from "../core/lifecycle";
import type { Deps } from "../deps";
import type { JobKey } from "../store/db";
import { markErased } from "../store/erasure";
import { afterErasure } from "./after-end";
import { cancelAll } from "./cancel";
import { purge } from "./purge";

/** Returns those that still run: they are removed once their run has stopped, or its lease is over. */
export async function erase(deps: Deps, keys: JobKey[]): Promise<Job[]> {
  return finishErasing(deps, await markErased(deps.db, keys));
}

/** The same for jobs that are marked already. */
export async function finishErasing(deps: Deps, erased: Job[]): Promise<Job[]> {
  const stopped = await cancelAll(
    deps,
    erased.filter((job) => !isFinal(job.state)),
  );
  const now = [...erased.filter((job) => isFinal(job.state)), ...stopped];
  await purge(
    deps,
    now.filter((job) => isFinal(job.state)),
  );
  deps.background(afterErasure(deps, now));
  return now.filter((job) => !isFinal(job.state));
}

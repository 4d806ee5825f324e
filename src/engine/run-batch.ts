// Runs the jobs of one consumer invocation side by side.

import type { WholeJob } from "../core/job";
import { type RunDeps, runJob } from "./run";
import { createWatch } from "./watch";

/**
 * A job that has taken an isolate down before runs last and alone, so that it cannot take its neighbours with it again.
 * Never throws.
 */
export async function runBatch(deps: RunDeps, jobs: WholeJob[]): Promise<void> {
  const watch = createWatch(deps);
  const suspects = jobs.filter((job) => job.crashes > 0);
  await Promise.all(jobs.filter((job) => job.crashes === 0).map((job) => runJob(deps, job, watch)));
  for (const job of suspects) await runJob(deps, job, watch);
}

// Runs the jobs of one consumer invocation side by side.

import type { WholeJob } from "../core/job";
import { createOutbox } from "./outbox";
import { type RunDeps, runJob } from "./run";
import { createWatch } from "./watch";

/**
 * A job that has taken an isolate down before runs last and alone, so that it cannot take its neighbours with it again.
 * All are watched from the beginning, because a job that waits for its turn has a lease to keep. Never throws.
 */
export async function runBatch(deps: RunDeps, jobs: WholeJob[]): Promise<void> {
  const watch = createWatch(deps);
  const outbox = createOutbox(deps);
  const runs = jobs.map((job) => watch.add(job));
  const suspects = runs.filter(({ job }) => job.crashes > 0);
  await Promise.all(
    runs.filter(({ job }) => job.crashes === 0).map((run) => runJob(deps, run, watch, outbox)),
  );
  for (const run of suspects) await runJob(deps, run, watch, outbox);
}

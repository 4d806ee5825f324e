// Runs the jobs of one consumer invocation side by side, and then what has crashed before, alone.

import type { Job } from "../core/job";
import { errorField } from "../log";
import { claimSuspect } from "../store/claims";
import { createEnds } from "./after-end";
import { type Answer, askTwice } from "./answer";
import { createSlotReturns } from "./gates";
import { LogWriter } from "./log-writer";
import { createOutbox } from "./outbox";
import { ring } from "./ring";
import { type RunDeps, type RunTools, runJob } from "./run";
import { createWatch } from "./watch";

/** The platform ends a consumer invocation after 15 minutes; a job that would last longer is left to the next. */
const INVOCATION_MS = 14 * 60_000;

/** Never throws. */
export async function runBatch(deps: RunDeps, { jobs, suspects }: Answer): Promise<void> {
  const startedAt = deps.now();
  const tools = createRunTools(deps);
  const runs = jobs.map((job) => tools.watch.add(job));
  await Promise.all(runs.map((run) => runJob(deps, run, tools)));
  const [first, ...others] = suspects;
  if (!first) return;
  const hasTime = deps.now() - startedAt + first.timeoutMs <= INVOCATION_MS;
  // The others have invocations of their own. What may run beside what is decided by claimSuspect.
  await ring(deps, hasTime ? others : suspects);
  if (hasTime) await runSuspect(deps, first, tools);
}

/** For all runs that share an invocation or an object. */
export function createRunTools(
  deps: RunDeps,
  openStream: RunTools["openStream"] = (job) => new LogWriter(deps, job),
): RunTools {
  return {
    watch: createWatch(deps),
    outbox: createOutbox(deps),
    slots: createSlotReturns(deps),
    ends: createEnds(deps),
    openStream,
  };
}

/**
 * A job that has taken an isolate down before is claimed only when its neighbours are done, and alone: should it do so
 * again, no other job is counted as crashed.
 */
async function runSuspect(deps: RunDeps, suspect: Job, tools: RunTools): Promise<void> {
  const claimId = deps.newId("clm");
  try {
    const job = await askTwice(() => claimSuspect(deps.db, suspect, claimId, deps.config.timing));
    if (job) await runJob(deps, tools.watch.add(job), tools);
  } catch (error) {
    // D1 is away: the clock finds it again.
    deps.log("suspect_not_claimed", { job: suspect.id, error: errorField(error) });
  }
}

// Watches the runs of one consumer invocation: renews their leases, and aborts those that were asked to stop or lost.

import { AppError } from "../core/errors";
import type { Progress, WholeJob } from "../core/job";
import type { Deps } from "../deps";
import { errorField } from "../log";
import { toJson } from "../store/db";
import { type Renewal, type RunStatus, renewLeases, watchRuns } from "../store/jobs";
import { sealProgress } from "../store/sealed-job";

/** A run under way. Aborting `controller` ends it; the reason says why. */
export type ActiveRun = {
  job: WholeJob;
  startedAt: number;
  progress: Progress | null;
  controller: AbortController;
  /** Another run has the job, or it was erased: this one may write nothing more. */
  lost: boolean;
};

export type Watch = { add(job: WholeJob): ActiveRun; remove(run: ActiveRun): void };

const LOOK_EVERY_MS = 1_000;

export function createWatch(deps: Deps): Watch {
  const { leaseMs } = deps.config.timing;
  const runs = new Map<ActiveRun, { renewAt: number }>();
  let looping = false;

  async function loop(): Promise<void> {
    looping = true;
    while (runs.size > 0) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      try {
        await look();
      } catch (error) {
        // D1 is away: the next look tries again, and the lease has time for thirty of them.
        deps.log("watch_failed", { runs: runs.size, error: errorField(error) });
      }
    }
    looping = false;
  }

  async function look(): Promise<void> {
    const now = deps.now();
    const old = [...runs.keys()].filter((run) => now - run.startedAt >= LOOK_EVERY_MS);
    if (old.length === 0) return;
    const statuses = await watchRuns(
      deps.db,
      old.map((run) => run.job),
    );
    const byId = new Map(statuses.map((status) => [status.id, status]));
    for (const run of old) judge(run, byId.get(run.job.id));
    await renew(now);
  }

  async function renew(now: number): Promise<void> {
    const due = [...runs].filter(([run, { renewAt }]) => now >= renewAt && !run.lost);
    if (due.length === 0) return;
    const renewals = await Promise.all(due.map(([run]) => renewalOf(run)));
    await renewLeases(deps.db, renewals, leaseMs);
    for (const [, timing] of due) timing.renewAt = now + leaseMs / 2;
  }

  async function renewalOf({ job, progress }: ActiveRun): Promise<Renewal> {
    const sealed = await sealProgress(deps.vault, job, progress);
    return { projectId: job.projectId, id: job.id, run: job.run, progress: toJson(sealed) };
  }

  return {
    add(job) {
      const startedAt = deps.now();
      const run = { job, startedAt, progress: job.progress, controller: new AbortController(), lost: false };
      runs.set(run, { renewAt: startedAt + (leaseMs * 2) / 3 });
      if (!looping) void loop();
      return run;
    },
    remove: (run) => void runs.delete(run),
  };
}

function judge(run: ActiveRun, status: RunStatus | undefined): void {
  if (!status || status.run !== run.job.run || status.running !== 1) {
    run.lost = true;
    run.controller.abort(
      new AppError("cancelled", { message: "The job was erased, or another run has taken it over." }),
    );
  } else if (status.stop === 1) {
    run.controller.abort(new AppError("cancelled"));
  }
}

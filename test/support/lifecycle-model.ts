// The life of one job as docs/lifecycle.md tells it, without a database: what the moves in store/ are held against.

import type { State } from "../../src/core/lifecycle";

export type ModelJob = {
  state: State;
  run: number;
  attempt: number;
  crashes: number;
  turns: number;
  version: number;
  /** What time and people have done to it. */
  due: boolean;
  expired: boolean;
  leaseOver: boolean;
  stopAsked: boolean;
};

export const ACTIONS = [
  "claim",
  "complete",
  "fail",
  "retry",
  "again",
  "defer",
  "stop",
  "stop_dead",
  "crash",
  "ask_to_stop",
  "cancel",
  "reroute",
  "expire",
  "refuse",
  "rerun",
] as const;
export type Action = (typeof ACTIONS)[number];

/** What happens by itself. */
export const HAPPENINGS = ["falls_due", "lease_ends", "runs_out"] as const;
export type Happening = (typeof HAPPENINGS)[number];

export const MAX_CRASHES = 3;

export const newJob: ModelJob = {
  state: "pending",
  run: 0,
  attempt: 0,
  crashes: 0,
  turns: 0,
  version: 1,
  due: true,
  expired: false,
  leaseOver: false,
  stopAsked: false,
};

export function happen(job: ModelJob, happening: Happening): ModelJob {
  if (happening === "falls_due") return { ...job, due: true };
  if (happening === "runs_out") return { ...job, expired: true };
  return job.state === "running" ? { ...job, leaseOver: true } : job;
}

/** The job after a move made by its own run (`older`: by a run before it). Null: the move may not be made. */
export function move(job: ModelJob, action: Action, older: boolean): ModelJob | null {
  const next = byAction(job, action, older);
  return next && { ...job, ...next, version: job.version + 1 };
}

function byAction(job: ModelJob, action: Action, older: boolean): Partial<ModelJob> | null {
  const holds = job.state === "running" && !older;
  const open = job.state === "pending" || job.state === "waiting";
  switch (action) {
    case "claim":
      return claim(job);
    case "complete":
      return holds ? { state: "completed" } : null;
    case "fail":
      return holds ? { state: "failed" } : null;
    case "stop":
      return holds ? { state: "cancelled" } : null;
    case "retry":
      return holds && !job.stopAsked ? { state: "pending", due: false } : null;
    case "again":
      if (!holds || job.stopAsked) return null;
      return { state: "pending", due: false, attempt: job.attempt - 1, turns: job.turns + 1 };
    case "defer":
      if (!holds || job.stopAsked) return null;
      return { state: "pending", due: false, attempt: job.attempt - 1 };
    case "stop_dead":
      return holds && job.leaseOver && job.stopAsked ? { state: "cancelled" } : null;
    case "crash":
      return holds && job.leaseOver && job.crashes + 1 >= MAX_CRASHES
        ? { state: "failed", crashes: job.crashes + 1 }
        : null;
    case "ask_to_stop":
      return job.state === "running" && !job.stopAsked ? { stopAsked: true } : null;
    case "cancel":
      return open ? { state: "cancelled", stopAsked: true } : null;
    case "reroute":
      return job.state === "pending" ? {} : null;
    case "expire":
      return open && job.expired ? { state: "failed" } : null;
    case "refuse":
      return job.state === "pending" && job.due && !job.expired ? { state: "failed" } : null;
    case "rerun":
      if (job.state !== "failed" && job.state !== "cancelled") return null;
      return {
        state: "pending",
        attempt: 0,
        crashes: 0,
        turns: 0,
        due: true,
        expired: false,
        stopAsked: false,
      };
  }
}

function claim(job: ModelJob): Partial<ModelJob> | null {
  if (job.state === "pending" && job.due && !job.expired) {
    return { state: "running", run: job.run + 1, attempt: job.attempt + 1, leaseOver: false };
  }
  if (job.state === "running" && job.leaseOver && job.crashes + 1 < MAX_CRASHES && !job.stopAsked) {
    return { run: job.run + 1, crashes: job.crashes + 1, leaseOver: false };
  }
  return null;
}

/** What can be seen of a job from outside. */
export type Seen = Pick<ModelJob, "state" | "run" | "attempt" | "crashes" | "turns" | "version">;

/**
 * Whether moves of the table lead from one look at a job to a later one, whoever made them: one move for each version
 * between the two, as time and people please.
 */
export function leadsTo(before: Seen, after: Seen): boolean {
  let reached = variants({ ...newJob, ...before });
  for (let version = before.version; version < after.version; version++) {
    const next = new Map<string, ModelJob>();
    for (const job of reached) {
      for (const action of ACTIONS) {
        const moved = move(job, action, false);
        for (const variant of moved ? variants(moved) : []) next.set(JSON.stringify(variant), variant);
      }
    }
    reached = [...next.values()];
  }
  return reached.some((job) => looks(job) === looks(after));
}

/** Whatever time and people may have done to it that cannot be seen. */
function variants(job: ModelJob): ModelJob[] {
  const flags = [false, true];
  return flags.flatMap((leaseOver) =>
    flags.flatMap((expired) =>
      flags.map((stopAsked) => ({ ...job, due: true, leaseOver, expired, stopAsked })),
    ),
  );
}

function looks({ state, run, attempt, crashes, turns, version }: Seen): string {
  return JSON.stringify([state, run, attempt, crashes, turns, version]);
}

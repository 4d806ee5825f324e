// The life of a job: its states, and the only moves between them.
//
// 1. `submit` makes a job pending. A doorbell tells a consumer to look at it. One whose answer is in the cache is completed
//    from the beginning, and one that asks what an open job asks waits for that one.
// 2. `claim` makes it running: `run` rises by one and is the fence that guards every later write of that run.
// 3. A run ends in exactly one of `complete`, `fail`, `retry`, `again`, `wait`, `defer` or `stop`.
// 4. A run that dies without a word is taken over after its lease (`takeover`), or given up (`crash`).
// 5. `cancel` ends what is not running at once; `ask_to_stop` asks a run to end, which it does by `stop`.
// 6. `reroute` sends what waits to another of its targets.
// 7. `expire` ends what was not started in time, `refuse` what its budget does not let start.
// 8. `rerun` starts what has failed or was cancelled from the beginning.
// 9. A job that waits for its children goes on by `resume`, in the transaction that ends the last of them. Once it has ended,
//    `redo` starts those again that did not complete, and the job goes on from there.
// 10. A job that waits for an equal one ends with it by `share` or `fail_with`; it goes on by itself, by `lead`, when that one
//    ends for a reason of its own.
//
// Each move is one guarded UPDATE in store/ (claims.ts, run-ends.ts, moves.ts, redo.ts); `resume` and those of 10 are
// triggers (migrations/0004_children.sql, 0006_cache.sql). docs/lifecycle.md draws this table.

export const STATES = ["pending", "running", "waiting", "completed", "failed", "cancelled"] as const;
export type State = (typeof STATES)[number];

/** Why a pending job is not running, as its row says it. */
export const REASONS = ["queued", "scheduled", "retrying", "rate_limited"] as const;
export type Reason = (typeof REASONS)[number];

/** What else a pending job may be waiting for. Not stored: it is looked up when somebody asks (engine/explain.ts). */
export const SHOWN_REASONS = [
  ...REASONS,
  "fair_share",
  "budget",
  "concurrency",
  "paused",
  "provider_down",
] as const;
export type ShownReason = (typeof SHOWN_REASONS)[number];

export const LANES = ["interactive", "default", "bulk"] as const;
export type Lane = (typeof LANES)[number];

/** From which states each move may be made, and where it leads. */
export const MOVES = {
  claim: { from: ["pending"], to: "running" },
  takeover: { from: ["running"], to: "running" },
  complete: { from: ["running"], to: "completed" },
  fail: { from: ["running"], to: "failed" },
  retry: { from: ["running"], to: "pending" },
  again: { from: ["running"], to: "pending" },
  wait: { from: ["running"], to: "waiting" },
  resume: { from: ["waiting"], to: "pending" },
  share: { from: ["waiting"], to: "completed" },
  fail_with: { from: ["waiting"], to: "failed" },
  lead: { from: ["waiting"], to: "pending" },
  defer: { from: ["running"], to: "pending" },
  stop: { from: ["running"], to: "cancelled" },
  crash: { from: ["running"], to: "failed" },
  ask_to_stop: { from: ["running"], to: "running" },
  cancel: { from: ["pending", "waiting"], to: "cancelled" },
  reroute: { from: ["pending"], to: "pending" },
  expire: { from: ["pending", "waiting"], to: "failed" },
  refuse: { from: ["pending"], to: "failed" },
  rerun: { from: ["failed", "cancelled"], to: "pending" },
  redo: { from: ["completed", "failed", "cancelled"], to: "pending" },
} as const satisfies Record<string, { from: readonly State[]; to: State }>;

export type Move = keyof typeof MOVES;

export function isFinal(state: State): boolean {
  return state === "completed" || state === "failed" || state === "cancelled";
}

/** Whether the table allows this move from this state. Conditions on time and counters come on top, in the guard. */
export function canMove(move: Move, from: State): boolean {
  return (MOVES[move].from as readonly State[]).includes(from);
}

// Every move of the lifecycle as a call into the store, with what must be true of the row for its guard to let it pass.

import { env } from "cloudflare:workers";
import type { Job, WholeJob } from "../../src/core/job";
import type { Move, State } from "../../src/core/lifecycle";
import { TIMING } from "../../src/core/limits";
import { claimCounted, claimJobs, claimSuspect } from "../../src/store/claims";
import {
  askToStop,
  cancelJobs,
  crashJob,
  expireJob,
  type RunKey,
  refuseJobs,
  rerouteJobs,
  rerunJobs,
  stopDeadRun,
} from "../../src/store/moves";
import { redoJob } from "../../src/store/redo";
import { endRun, type RunResult, returnRun, waitRun } from "../../src/store/run-ends";
import { anId } from "./factory";
import type { Row } from "./rows";

export const aResult: RunResult = { attempts: [], usage: null, progress: null, error: null };
export const STORED_ERROR = {
  json: '{"code":"crashed","message":"gone","retryable":false}',
  fingerprint: "0123456789abcdef",
};

const first = async (jobs: Promise<Job[]>) => (await jobs)[0] ?? null;

export type MoveCase = {
  name: string;
  move: Move;
  make(job: RunKey, db?: D1Database): Promise<Job | null>;
  /** Makes the guard's conditions on time and counters true, so that only the state decides. */
  ready: Row;
  /** States in which the same call is another move: claim and takeover are one statement. */
  shares?: State[];
};

const past = 1_000;
const anotherPlace = { model: "sandbox/chat!tps=9", pool: null, route: "{}" };

export async function claimOne(job: RunKey, db = env.DB, claimId = anId("clm")): Promise<WholeJob | null> {
  const key = { projectId: job.projectId, id: job.id };
  const [claimed] = await claimJobs(db, [key], claimId, TIMING);
  if (claimed) return claimed;
  const [counted] = await claimCounted(db, [key], claimId, TIMING);
  return counted ?? (await claimSuspect(db, key, claimId, TIMING));
}

/** Under a budget of which nothing is left. */
async function refuse({ projectId, id }: RunKey, db = env.DB): Promise<Job | null> {
  const budget = "INSERT INTO budgets (project_id, key_id, tokens_per_day) VALUES (?1, '', 0)";
  await env.DB.prepare(budget).bind(projectId).run();
  const moved = await first(refuseJobs(db, [{ projectId, id, error: STORED_ERROR }]));
  await env.DB.prepare("DELETE FROM budgets WHERE project_id = ?1").bind(projectId).run();
  return moved;
}

export const MOVE_CASES: MoveCase[] = [
  { name: "claim", move: "claim", make: (job, db) => claimOne(job, db), ready: { run_at: past } },
  {
    name: "takeover",
    move: "takeover",
    make: (job, db) => claimOne(job, db),
    ready: { lease_until: past },
    shares: ["pending"],
  },
  {
    name: "complete",
    move: "complete",
    make: (job, db = env.DB) => endRun(db, job, { state: "completed", move: "complete" }, aResult),
    ready: {},
  },
  {
    name: "fail",
    move: "fail",
    make: (job, db = env.DB) => endRun(db, job, { state: "failed", move: "fail" }, aResult),
    ready: {},
  },
  {
    name: "stop",
    move: "stop",
    make: (job, db = env.DB) => endRun(db, job, { state: "cancelled", move: "stop" }, aResult),
    ready: { cancel_requested_at: past },
  },
  {
    name: "stop of a dead run",
    move: "stop",
    make: (job, db = env.DB) => stopDeadRun(db, job),
    ready: { cancel_requested_at: past, lease_until: past },
  },
  {
    name: "retry",
    move: "retry",
    make: (job, db = env.DB) => returnRun(db, job, { move: "retry", delayMs: 60_000 }, aResult),
    ready: {},
  },
  {
    name: "again",
    move: "again",
    make: (job, db = env.DB) =>
      returnRun(db, job, { move: "again", delayMs: 60_000, turnState: '{"page":2}' }, aResult),
    ready: {},
  },
  {
    name: "wait",
    move: "wait",
    make: async (job, db = env.DB) => {
      const waiting = { children: [], turnState: "1", onChildFailure: "fail", seen: 0 } as const;
      return (await waitRun(db, job, { ...waiting, children: [] }, aResult, TIMING))?.job ?? null;
    },
    ready: { children_total: 1 },
  },
  {
    name: "defer",
    move: "defer",
    make: (job, db = env.DB) =>
      returnRun(db, job, { move: "defer", reason: "rate_limited", delayMs: 60_000 }, aResult),
    ready: {},
  },
  {
    name: "crash",
    move: "crash",
    make: (job, db = env.DB) => crashJob(db, job, STORED_ERROR, TIMING),
    ready: { lease_until: past, crashes: 2 },
  },
  {
    name: "ask_to_stop",
    move: "ask_to_stop",
    make: (job, db = env.DB) => first(askToStop(db, [job])),
    ready: {},
  },
  { name: "cancel", move: "cancel", make: (job, db = env.DB) => first(cancelJobs(db, [job])), ready: {} },
  {
    name: "expire",
    move: "expire",
    make: (job, db = env.DB) => expireJob(db, job, STORED_ERROR),
    ready: { expires_at: past },
  },
  { name: "refuse", move: "refuse", make: refuse, ready: { run_at: past, on_budget: "fail" } },
  {
    name: "reroute",
    move: "reroute",
    make: (job, db = env.DB) => first(rerouteJobs(db, [{ ...job, from: null, place: anotherPlace }], TIMING)),
    ready: {},
  },
  {
    name: "rerun",
    move: "rerun",
    make: (job, db = env.DB) => first(rerunJobs(db, [{ ...job, delayMs: 0 }], TIMING)),
    ready: {},
  },
  {
    name: "redo",
    move: "redo",
    make: (job, db = env.DB) => redoJob(db, job, TIMING),
    ready: { children_total: 2, children_completed: 1, children_failed: 1 },
  },
];

// How a run ends: the moves that only the run itself may make, each with its line in the ledger in one transaction.

import type { OnChildFailure } from "../core/children";
import type { Job, WholeJob } from "../core/job";
import { LINE_CHECK_MS, type Timing } from "../core/limits";
import { ask, NOW, toJson } from "./db";
import { JOB_COLUMNS, type JobRow, toJob } from "./job-row";
import { type Used, writeUsed } from "./ledger";
import { guard, type RunKey, TURN_STATE_LEFT } from "./moves";
import { insertChildren, type NewJob } from "./submit";

/** What a run leaves behind, whichever way it ends. */
export type RunResult = Pick<WholeJob, "attempts" | "usage" | "progress" | "error"> & {
  output?: StoredText | null;
  /** Null: nothing was used. */
  used?: Used | null;
  /** Runs that were counted as crashed, and had left their end in R2. */
  forgiven?: number;
  /** Of the cause of a failure. */
  fingerprint?: string | null;
};

/** Text in the row (`inline`) or in R2 (`key`). */
export type StoredText = { bytes: number; inline: string | null; key: string | null };

type End = { state: "completed" | "failed" | "cancelled"; move: "complete" | "fail" | "stop" };

/** complete, fail, stop: the run is over and so is the job. */
export async function endRun(db: D1Database, key: RunKey, end: End, result: RunResult): Promise<Job | null> {
  const sql = `UPDATE jobs SET state = '${end.state}', reason = NULL, ${written(result)}, finished_at = ${NOW}, wake_at = NULL,
      ${TURN_STATE_LEFT}, erase_at = COALESCE(erase_at, ${NOW} + retention_ms), output = ?8, output_bytes = ?9,
      output_key = ?10, fingerprint = ?11
    WHERE ${guard(end.move)} AND run = ?3 RETURNING ${JOB_COLUMNS}`;
  const { bytes = null, inline = null, key: objectKey = null } = result.output ?? {};
  return settleRun(db, key, sql, [inline, bytes, objectKey, result.fingerprint ?? null], result);
}

/** Where a job may run: the columns that change when it goes to another of its targets. `route` is JSON text. */
export type Place = { model: string | null; pool: string | null; route: string };

/** How a job goes back into the line: due in `delayMs`, at another place if there is one. */
export type Comeback = { delayMs: number; place?: Place | null } & (
  | { move: "retry" }
  | { move: "defer"; reason: "retrying" | "rate_limited" }
  | { move: "again"; turnState: string }
);

/** A job that has just made these children, and they as they are stored. */
export type Parented = { job: Job; children: Job[] };

/**
 * retry: the attempt failed, the next one is due later. again: the task wants another turn, with `turnState`. defer: nothing
 * could be tried. The last two give the attempt back. All give way to a stop that was asked for.
 */
export async function returnRun(
  db: D1Database,
  key: RunKey,
  back: Comeback,
  result: RunResult,
): Promise<Job | null> {
  const { place } = back;
  const sql = `UPDATE jobs SET state = 'pending', ${counted(back)}, ${written(result)}, run_at = ${NOW} + ?8,
      ${place ? "model = ?10, pool = ?11, route = ?12," : ""} turn_state = COALESCE(?9, turn_state),
      wake_at = MIN(${NOW} + ?8, COALESCE(expires_at, ${NOW} + ?8))
    WHERE ${guard(back.move)} AND run = ?3 AND cancel_requested_at IS NULL RETURNING ${JOB_COLUMNS}`;
  const turnState = back.move === "again" ? back.turnState : null;
  const placed = place ? [place.model, place.pool, place.route] : [];
  return settleRun(db, key, sql, [back.delayMs, turnState, ...placed], result);
}

/**
 * again, with children: as returnRun, and they are stored in the same transaction.
 */
export async function returnParent(
  db: D1Database,
  key: RunKey,
  { delayMs, turnState, children }: { delayMs: number; turnState: string; children: NewJob[] },
  result: RunResult,
  timing: Timing,
): Promise<Parented | null> {
  const sql = `UPDATE jobs SET state = 'pending', ${counted({ move: "again", turnState, delayMs })}, ${written(result)},
      run_at = ${NOW} + ?8, turn_state = ?9, ${made(children)},
      wake_at = MIN(${NOW} + ?8, COALESCE(expires_at, ${NOW} + ?8))
    WHERE ${guard("again")} AND run = ?3 AND cancel_requested_at IS NULL RETURNING ${JOB_COLUMNS}`;
  return settleParent(db, key, children, settling(db, key, sql, [delayMs, turnState], result), timing);
}

/** What a job waits for, and with which state it goes on. `seen`: children that its run knew not to have completed. */
export type Waiting = {
  children: NewJob[];
  turnState: string;
  onChildFailure: OnChildFailure;
  seen: number;
};

/**
 * wait: until no child is open, or until one fails if the job wants to know. It gives the attempt back, and a stop that was
 * asked for comes first. When there is nothing to wait for the job goes on at once, as if it had been resumed.
 */
export async function waitRun(
  db: D1Database,
  key: RunKey,
  { children, turnState, onChildFailure, seen }: Waiting,
  result: RunResult,
  timing: Timing,
): Promise<Parented | null> {
  const lost = "children_failed + children_cancelled";
  const goesOn = `(children_completed + ${lost} >= children_total + ${children.length}
      OR (?8 = 'fail' AND ${lost} > 0) OR (?8 = 'continue' AND ${lost} > ?10))`;
  const later = `MIN(${NOW} + ${LINE_CHECK_MS}, COALESCE(expires_at, ${NOW} + ${LINE_CHECK_MS}))`;
  const sql = `UPDATE jobs SET state = CASE WHEN ${goesOn} THEN 'pending' ELSE 'waiting' END,
      reason = CASE WHEN ${goesOn} THEN 'queued' END, attempt = attempt - 1, turns = turns + 1, ${written(result)},
      on_child_failure = ?8, turn_state = ?9, ${made(children)}, run_at = ${NOW},
      wake_at = CASE WHEN ${goesOn} THEN ${NOW} ELSE ${later} END
    WHERE ${guard("wait")} AND run = ?3 AND cancel_requested_at IS NULL RETURNING ${JOB_COLUMNS}`;
  const update = settling(db, key, sql, [onChildFailure, turnState, seen], result);
  return settleParent(db, key, children, update, timing);
}

const made = (children: NewJob[]) => `children_total = children_total + ${children.length}`;

async function settleParent(
  db: D1Database,
  key: RunKey,
  children: NewJob[],
  settling: D1PreparedStatement[],
  timing: Timing,
): Promise<Parented | null> {
  const inserts = insertChildren(db, key, children, timing);
  const results = await ask(db.batch<JobRow>([...inserts, ...settling]));
  const row = results[inserts.length]?.results[0];
  const stored = results.slice(0, inserts.length).flatMap((result) => result.results.map(toJob));
  return row ? { job: toJob(row), children: stored } : null;
}

function counted(back: Comeback): string {
  switch (back.move) {
    case "retry":
      return "reason = 'retrying'";
    case "defer":
      return `reason = '${back.reason}', attempt = attempt - 1`;
    case "again":
      return "reason = 'queued', attempt = attempt - 1, turns = turns + 1";
  }
}

function written({ forgiven = 0 }: RunResult): string {
  return `version = version + 1, lease_until = NULL, attempts = ?4, usage = ?5, progress = ?6, error = ?7,
      crashes = MAX(0, crashes - ${forgiven})`;
}

async function settleRun(
  db: D1Database,
  key: RunKey,
  sql: string,
  binds: unknown[],
  result: RunResult,
): Promise<Job | null> {
  const [moved] = await ask(db.batch<JobRow>(settling(db, key, sql, binds, result)));
  const row = moved?.results[0];
  return row ? toJob(row) : null;
}

function settling(
  db: D1Database,
  key: RunKey,
  sql: string,
  binds: unknown[],
  { attempts, usage, progress, error, used }: RunResult,
): D1PreparedStatement[] {
  const left = [attempts, usage, progress, error].map(toJson);
  const update = db.prepare(sql).bind(key.projectId, key.id, key.run, ...left, ...binds);
  return used ? [update, writeUsed(db, key, used)] : [update];
}

// The moves of core/lifecycle.ts, each as one guarded UPDATE. No row matched: null, and the caller looks why.

import type { Job, WholeJob } from "../core/job";
import { MOVES, type Move } from "../core/lifecycle";
import type { Timing } from "../core/limits";
import { ask, type JobKey, NOW, pairs, toJson } from "./db";
import { JOB_COLUMNS, type JobRow, toJob, toWholeJob, WHOLE_JOB_COLUMNS, type WholeJobRow } from "./job-row";

/** Who may write: the run that holds the job. */
export type RunKey = JobKey & { run: number };

/** What a run leaves behind, whichever way it ends. */
export type RunResult = Pick<WholeJob, "attempts" | "usage" | "progress" | "error"> & {
  output?: StoredText | null;
};

/** Text in the row (`inline`) or in R2 (`key`). */
export type StoredText = { bytes: number; inline: string | null; key: string | null };

function guard(move: Move): string {
  const states = MOVES[move].from.map((state) => `'${state}'`).join(", ");
  return `project_id = ?1 AND id = ?2 AND state IN (${states})`;
}

/**
 * claim: every job of `keys` that is due, in one statement. Those that crashed before are not among them: see claimSuspect.
 *
 * `claimId` names the caller, who may ask again when the answer was lost: what it has already claimed comes back as it is.
 * `wake_at` is not named: naming it would cost a row more, and the clock finds a running job by its old value.
 */
export async function claimJobs(
  db: D1Database,
  keys: JobKey[],
  claimId: string,
  { leaseMs }: Timing,
): Promise<WholeJob[]> {
  const sql = `UPDATE jobs SET
      state = 'running', reason = NULL, claim_id = ?2,
      run = run + (claim_id IS NOT ?2),
      attempt = attempt + (claim_id IS NOT ?2),
      version = version + (claim_id IS NOT ?2),
      started_at = CASE WHEN claim_id IS ?2 THEN started_at ELSE COALESCE(started_at, ${NOW}) END,
      lease_until = ${NOW} + ${leaseMs}
    WHERE (project_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?1))
      AND ((${DUE} AND crashes = 0) OR (state = 'running' AND claim_id = ?2))
    RETURNING ${WHOLE_JOB_COLUMNS}`;
  const { results } = await ask(db.prepare(sql).bind(pairs(keys), claimId).all<WholeJobRow>());
  return results.map(toWholeJob);
}

/**
 * takeover of a job whose last run is past its lease; or claim of one that is due again after such a run. One job at a
 * time, so that an isolate which dies of one has not claimed the others. Repeatable as claimJobs.
 */
export async function claimSuspect(
  db: D1Database,
  key: JobKey,
  claimId: string,
  timing: Timing,
): Promise<WholeJob | null> {
  const sql = `UPDATE jobs SET
      state = 'running', reason = NULL, claim_id = ?3,
      run = run + (claim_id IS NOT ?3),
      attempt = attempt + (claim_id IS NOT ?3 AND state = 'pending'),
      crashes = crashes + (claim_id IS NOT ?3 AND state = 'running'),
      version = version + (claim_id IS NOT ?3),
      started_at = CASE WHEN claim_id IS ?3 THEN started_at ELSE COALESCE(started_at, ${NOW}) END,
      lease_until = ${NOW} + ${timing.leaseMs}
    WHERE project_id = ?1 AND id = ?2 AND (${suspect(timing)} OR (state = 'running' AND claim_id = ?3))
    RETURNING ${WHOLE_JOB_COLUMNS}`;
  const row = await ask(db.prepare(sql).bind(key.projectId, key.id, claimId).first<WholeJobRow>());
  return row && toWholeJob(row);
}

/** Those of the jobs that claimSuspect would take, in the order of their ids. */
export async function findSuspects(db: D1Database, keys: JobKey[], timing: Timing): Promise<Job[]> {
  const sql = `SELECT ${JOB_COLUMNS} FROM jobs
    WHERE (project_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?1)) AND ${suspect(timing)} ORDER BY id`;
  const { results } = await ask(db.prepare(sql).bind(pairs(keys)).all<JobRow>());
  return results.map(toJob);
}

const DUE = `state = 'pending' AND run_at <= ${NOW} AND (expires_at IS NULL OR expires_at > ${NOW})`;

function suspect({ maxCrashes }: Timing): string {
  return `((${DUE} AND crashes > 0) OR (state = 'running' AND lease_until < ${NOW}
    AND crashes + 1 < ${maxCrashes} AND cancel_requested_at IS NULL))`;
}

type End = { state: "completed" | "failed" | "cancelled"; move: "complete" | "fail" | "stop" };

/** complete, fail, stop: the run is over and so is the job. */
export async function endRun(db: D1Database, key: RunKey, end: End, result: RunResult): Promise<Job | null> {
  const sql = `UPDATE jobs SET state = ?4, reason = NULL, version = version + 1, finished_at = ${NOW},
      wake_at = NULL, lease_until = NULL, turn_state = NULL, attempts = ?5, usage = ?6, progress = ?7, error = ?8,
      output = ?9, output_bytes = ?10, output_key = ?11
    WHERE ${guard(end.move)} AND run = ?3 RETURNING ${JOB_COLUMNS}`;
  const output = result.output ?? null;
  return moveOne(db, sql, [
    ...runBinds(key, end.state, result),
    output?.inline ?? null,
    output?.bytes ?? null,
    output?.key ?? null,
  ]);
}

/** retry: the attempt failed, the next one is due in `delayMs`. Gives way to a stop that was asked for. */
export async function retryRun(
  db: D1Database,
  key: RunKey,
  delayMs: number,
  result: RunResult,
): Promise<Job | null> {
  const sql = `UPDATE jobs SET state = ?4, reason = 'retrying', version = version + 1, lease_until = NULL,
      run_at = ${NOW} + ?9, wake_at = MIN(${NOW} + ?9, COALESCE(expires_at, ${NOW} + ?9)), attempts = ?5, usage = ?6, progress = ?7, error = ?8
    WHERE ${guard("retry")} AND run = ?3 AND cancel_requested_at IS NULL RETURNING ${JOB_COLUMNS}`;
  return moveOne(db, sql, [...runBinds(key, "pending", result), delayMs]);
}

/** again: the task wants another turn, with `turnState`. The attempt is given back. Gives way to a stop, as retry. */
export async function againRun(
  db: D1Database,
  key: RunKey,
  delayMs: number,
  turnState: string,
  result: RunResult,
): Promise<Job | null> {
  const sql = `UPDATE jobs SET state = ?4, reason = 'queued', version = version + 1, lease_until = NULL,
      attempt = attempt - 1, turns = turns + 1, turn_state = ?10,
      run_at = ${NOW} + ?9, wake_at = MIN(${NOW} + ?9, COALESCE(expires_at, ${NOW} + ?9)), attempts = ?5, usage = ?6, progress = ?7, error = ?8
    WHERE ${guard("again")} AND run = ?3 AND cancel_requested_at IS NULL RETURNING ${JOB_COLUMNS}`;
  return moveOne(db, sql, [...runBinds(key, "pending", result), delayMs, turnState]);
}

function runBinds(key: RunKey, state: string, result: RunResult): unknown[] {
  return [
    key.projectId,
    key.id,
    key.run,
    state,
    toJson(result.attempts),
    toJson(result.usage),
    toJson(result.progress),
    toJson(result.error),
  ];
}

/** cancel: what is not running ends at once. */
export async function cancelJob(db: D1Database, key: JobKey): Promise<Job | null> {
  const sql = `UPDATE jobs SET state = 'cancelled', reason = NULL, version = version + 1, finished_at = ${NOW},
      wake_at = NULL, turn_state = NULL, cancel_requested_at = ${NOW}
    WHERE ${guard("cancel")} RETURNING ${JOB_COLUMNS}`;
  return moveOne(db, sql, [key.projectId, key.id]);
}

/** ask_to_stop: the run sees it within about a second and ends by `stop`. */
export async function askToStop(db: D1Database, key: JobKey): Promise<Job | null> {
  const sql = `UPDATE jobs SET cancel_requested_at = ${NOW}, version = version + 1
    WHERE ${guard("ask_to_stop")} AND cancel_requested_at IS NULL RETURNING ${JOB_COLUMNS}`;
  return moveOne(db, sql, [key.projectId, key.id]);
}

/** stop, by the clock: the run was asked to end, and died before it did. */
export async function stopDeadRun(db: D1Database, key: RunKey): Promise<Job | null> {
  const sql = `UPDATE jobs SET state = 'cancelled', reason = NULL, version = version + 1, finished_at = ${NOW},
      wake_at = NULL, lease_until = NULL, turn_state = NULL
    WHERE ${guard("stop")} AND run = ?3 AND lease_until < ${NOW} AND cancel_requested_at IS NOT NULL
    RETURNING ${JOB_COLUMNS}`;
  return moveOne(db, sql, [key.projectId, key.id, key.run]);
}

/** crash: too many runs died without a word. `error` is JSON text. */
export async function crashJob(
  db: D1Database,
  key: RunKey,
  error: string,
  timing: Timing,
): Promise<Job | null> {
  const sql = `UPDATE jobs SET state = 'failed', reason = NULL, version = version + 1, finished_at = ${NOW},
      wake_at = NULL, lease_until = NULL, turn_state = NULL, crashes = crashes + 1, error = ?4
    WHERE ${guard("crash")} AND run = ?3 AND lease_until < ${NOW} AND crashes + 1 >= ${timing.maxCrashes}
    RETURNING ${JOB_COLUMNS}`;
  return moveOne(db, sql, [key.projectId, key.id, key.run, error]);
}

/** expire: not done in time. `error` is JSON text. */
export async function expireJob(db: D1Database, key: JobKey, error: string): Promise<Job | null> {
  const sql = `UPDATE jobs SET state = 'failed', reason = NULL, version = version + 1, finished_at = ${NOW},
      wake_at = NULL, turn_state = NULL, error = ?3
    WHERE ${guard("expire")} AND expires_at <= ${NOW} RETURNING ${JOB_COLUMNS}`;
  return moveOne(db, sql, [key.projectId, key.id, error]);
}

/** rerun: from the beginning, with all attempts. `run` goes on rising, so that an old run can never write. */
export async function rerunJob(db: D1Database, key: JobKey, timing: Timing): Promise<Job | null> {
  const sql = `UPDATE jobs SET state = 'pending', reason = 'queued', version = version + 1, attempt = 0, crashes = 0,
      turns = 0, run_at = ${NOW}, wake_at = ${NOW} + ${timing.ringCheckMs}, started_at = NULL, finished_at = NULL,
      expires_at = NULL, cancel_requested_at = NULL, error = NULL, progress = NULL, output = NULL, output_bytes = NULL,
      output_key = NULL
    WHERE ${guard("rerun")} RETURNING ${JOB_COLUMNS}`;
  return moveOne(db, sql, [key.projectId, key.id]);
}

async function moveOne(db: D1Database, sql: string, binds: unknown[]): Promise<Job | null> {
  const { results } = await ask(
    db
      .prepare(sql)
      .bind(...binds)
      .all<JobRow>(),
  );
  return results[0] ? toJob(results[0]) : null;
}

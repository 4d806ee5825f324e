// The moves that others than a run make, each one guarded UPDATE. No row matched: null, and the caller looks why.
// Those of a run itself are in claims.ts and run-ends.ts.

import type { Job } from "../core/job";
import { MOVES, type Move } from "../core/lifecycle";
import type { Timing } from "../core/limits";
import { IN_BUDGET } from "./budgets";
import { ask, type JobKey, NOW, pairs, VISIBLE } from "./db";
import { JOB_COLUMNS, type JobRow, toJob } from "./job-row";
import type { Place } from "./run-ends";
import { DUE, PARENT_IS_OPEN } from "./startable";

/** Who may write: the run that holds the job. */
export type RunKey = JobKey & { run: number };

/** Why the clock ends a job: a JobError as JSON text, and its fingerprint. */
export type StoredError = { json: string; fingerprint: string };

/** What an ended parent keeps, to go on from there should what failed be done again. */
export const TURN_STATE_LEFT = "turn_state = CASE WHEN children_total > 0 THEN turn_state END";

/** The states a move may be made from; ?1 and ?2 are the job's key. */
export function guard(move: Move): string {
  return `project_id = ?1 AND id = ?2 AND ${inStates(move)}`;
}

/** The same for many jobs; ?1 are their keys as `pairs` writes them. */
function guardAll(move: Move): string {
  return `(project_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?1)) AND ${inStates(move)}`;
}

function inStates(move: Move): string {
  return `state IN (${MOVES[move].from.map((state) => `'${state}'`).join(", ")})`;
}

/** cancel: what is not running ends at once. Returns those that it has ended. */
export async function cancelJobs(db: D1Database, keys: JobKey[]): Promise<Job[]> {
  const sql = `UPDATE jobs SET state = 'cancelled', reason = NULL, version = version + 1, finished_at = ${NOW},
      wake_at = NULL, ${TURN_STATE_LEFT}, cancel_requested_at = ${NOW}, follows = NULL,
      erase_at = COALESCE(erase_at, ${NOW} + retention_ms)
    WHERE ${guardAll("cancel")} RETURNING ${JOB_COLUMNS}`;
  return moveAll(db, sql, pairs(keys));
}

/** ask_to_stop: the runs see it within about a second and end by `stop`. Returns those that nobody had asked before. */
export async function askToStop(db: D1Database, keys: JobKey[]): Promise<Job[]> {
  const sql = `UPDATE jobs SET cancel_requested_at = ${NOW}, version = version + 1
    WHERE ${guardAll("ask_to_stop")} AND cancel_requested_at IS NULL RETURNING ${JOB_COLUMNS}`;
  return moveAll(db, sql, pairs(keys));
}

/** stop, by the clock: the run was asked to end, and died before it did. */
export async function stopDeadRun(db: D1Database, key: RunKey): Promise<Job | null> {
  const sql = `UPDATE jobs SET state = 'cancelled', reason = NULL, version = version + 1, finished_at = ${NOW},
      wake_at = NULL, lease_until = NULL, ${TURN_STATE_LEFT}, claim_id = NULL,
      erase_at = COALESCE(erase_at, ${NOW} + retention_ms)
    WHERE ${guard("stop")} AND run = ?3 AND lease_until < ${NOW} AND cancel_requested_at IS NOT NULL
    RETURNING ${JOB_COLUMNS}`;
  return moveOne(db, sql, [key.projectId, key.id, key.run]);
}

/** crash: too many runs died without a word. */
export async function crashJob(
  db: D1Database,
  key: RunKey,
  error: StoredError,
  timing: Timing,
): Promise<Job | null> {
  const sql = `UPDATE jobs SET state = 'failed', reason = NULL, version = version + 1, finished_at = ${NOW},
      wake_at = NULL, lease_until = NULL, ${TURN_STATE_LEFT}, claim_id = NULL, crashes = crashes + 1, error = ?4,
      fingerprint = ?5, erase_at = COALESCE(erase_at, ${NOW} + retention_ms)
    WHERE ${guard("crash")} AND run = ?3 AND lease_until < ${NOW} AND crashes + 1 >= ${timing.maxCrashes}
    RETURNING ${JOB_COLUMNS}`;
  return moveOne(db, sql, [key.projectId, key.id, key.run, error.json, error.fingerprint]);
}

/** Takes back one crash of a dead run that has left its end in R2: the next run will find it. Null: nothing to take back. */
export async function spareJob(db: D1Database, key: RunKey): Promise<Job | null> {
  const sql = `UPDATE jobs SET crashes = crashes - 1
    WHERE ${guard("crash")} AND run = ?3 AND lease_until < ${NOW} AND crashes > 0 RETURNING ${JOB_COLUMNS}`;
  return moveOne(db, sql, [key.projectId, key.id, key.run]);
}

/** expire: not done in time. */
export async function expireJob(db: D1Database, key: JobKey, error: StoredError): Promise<Job | null> {
  const sql = `UPDATE jobs SET state = 'failed', reason = NULL, version = version + 1, finished_at = ${NOW},
      wake_at = NULL, ${TURN_STATE_LEFT}, error = ?3, follows = NULL,
      fingerprint = ?4, erase_at = COALESCE(erase_at, ${NOW} + retention_ms)
    WHERE ${guard("expire")} AND expires_at <= ${NOW} RETURNING ${JOB_COLUMNS}`;
  return moveOne(db, sql, [key.projectId, key.id, error.json, error.fingerprint]);
}

export type Refusal = JobKey & { error: StoredError };

/** refuse: the job is due, its budget is used up, and it does not want to wait for it. Returns those that it has ended. */
export async function refuseJobs(db: D1Database, refusals: Refusal[]): Promise<Job[]> {
  const sql = `UPDATE jobs SET state = 'failed', reason = NULL, version = version + 1, finished_at = ${NOW},
      wake_at = NULL, ${TURN_STATE_LEFT}, error = r.json, fingerprint = r.cause,
      erase_at = COALESCE(erase_at, ${NOW} + retention_ms)
    FROM (SELECT value->>'projectId' AS p, value->>'id' AS i, value->'error'->>'json' AS json,
      value->'error'->>'fingerprint' AS cause FROM json_each(?1)) AS r
    WHERE project_id = r.p AND id = r.i AND ${inStates("refuse")} AND ${DUE} AND on_budget = 'fail' AND NOT ${IN_BUDGET}
    RETURNING ${JOB_COLUMNS}`;
  const listed = refusals.map(({ projectId, id, error }) => ({ projectId, id, error }));
  return moveAll(db, sql, JSON.stringify(listed));
}

export type Rerun = JobKey & { delayMs: number };

/**
 * rerun: from the beginning, with all attempts, in `delayMs`. `run` goes on rising, so that an old run can never write. A job
 * with children is redone instead (redo.ts), and a child only while its parent is open.
 * Returns those that it has moved.
 */
export async function rerunJobs(db: D1Database, reruns: Rerun[], timing: Timing): Promise<Job[]> {
  const sql = `UPDATE jobs SET state = 'pending', reason = CASE WHEN delay > 0 THEN 'scheduled' ELSE 'queued' END,
      version = version + 1, attempt = 0, crashes = 0, turns = 0, run_at = ${NOW} + delay,
      wake_at = ${NOW} + CASE WHEN delay > 0 THEN delay ELSE ${timing.ringCheckMs} END, started_at = NULL,
      finished_at = NULL, expires_at = NULL, cancel_requested_at = NULL, error = NULL, progress = NULL, output = NULL,
      output_bytes = NULL, output_key = NULL, fingerprint = NULL, erase_at = NULL, follows = NULL,
      route = REPLACE(route, ',"out":true', '')
    FROM (SELECT value->>'projectId' AS p, value->>'id' AS i, value->>'delayMs' AS delay FROM json_each(?1))
    WHERE project_id = p AND id = i AND ${inStates("rerun")} AND ${VISIBLE} AND children_total = 0 AND ${PARENT_IS_OPEN}
    RETURNING ${JOB_COLUMNS}`;
  const listed = reruns.map(({ projectId, id, delayMs }) => ({ projectId, id, delayMs }));
  return moveAll(db, sql, JSON.stringify(listed));
}

/** A waiting job, the pool in which it waits, and where it goes. */
export type Reroute = JobKey & { from: string | null; place: Place };

/**
 * reroute: the pool is down, and the job has somewhere else to go. Uses no attempt. Returns those that it has moved. A gate
 * rings the jobs in its line itself; one that goes to a model without a gate is the clock's again.
 */
export async function rerouteJobs(db: D1Database, reroutes: Reroute[], timing: Timing): Promise<Job[]> {
  const sql = `UPDATE jobs SET model = to_model, pool = to_pool, route = to_route, version = version + 1,
      wake_at = CASE WHEN to_pool IS NULL THEN MIN(wake_at, MAX(run_at, ${NOW} + ${timing.ringCheckMs})) ELSE wake_at END
    FROM (SELECT value->>'projectId' AS p, value->>'id' AS i, value->>'from' AS from_pool, value->>'$.place.model' AS to_model,
        value->>'$.place.pool' AS to_pool, value->>'$.place.route' AS to_route FROM json_each(?1))
    WHERE project_id = p AND id = i AND pool IS from_pool AND ${inStates("reroute")} RETURNING ${JOB_COLUMNS}`;
  const listed = reroutes.map(({ projectId, id, from, place }) => ({ projectId, id, from, place }));
  return moveAll(db, sql, JSON.stringify(listed));
}

async function moveAll(db: D1Database, sql: string, json: string): Promise<Job[]> {
  const { results } = await ask(db.prepare(sql).bind(json).all<JobRow>());
  return results.map(toJob);
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

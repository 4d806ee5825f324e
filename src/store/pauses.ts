// Pauses: what may not be started for now. Of a project, of a task (in one project or in all), of a pool.

import { LAST_RING_CHECK_MS, type Timing } from "../core/limits";
import type { Operation } from "../core/operation";
import type { Pause, PauseScope, RunningJobs } from "../core/pause";
import { ask, NOW } from "./db";
import { createdOperation, insertOperation, type NewOperation } from "./operations";

/**
 * Of a row of `jobs`: the pool it is in. A job without a gate is in the pool of its model, whose name in the sandbox carries
 * options behind a `!`.
 */
export const POOL = `COALESCE(jobs.pool, CASE WHEN jobs.model GLOB 'sandbox/*!*'
  THEN substr(jobs.model, 1, instr(jobs.model, '!') - 1) ELSE jobs.model END)`;

/** Of a row `p` of `pauses` and one of `jobs`: it keeps the job from starting. */
export const PAUSES_JOB = `((p.project_id = jobs.project_id AND p.scope = 'project')
  OR (p.project_id IN ('', jobs.project_id) AND p.scope = 'task' AND p.name = jobs.task)
  OR (p.project_id = '' AND p.scope = 'pool' AND p.name = ${POOL}))`;

/** Of a row of `jobs`: nothing that it belongs to is paused. */
export const NOT_PAUSED = `NOT EXISTS (SELECT 1 FROM pauses AS p WHERE ${PAUSES_JOB})`;

type Row = { project_id: string; scope: PauseScope; name: string; id: string; created_at: number };

const COLUMNS = "project_id, scope, name, id, created_at";

/** The pause that is there now: it has another id when it was paused before. Null: the project was deleted. Repeatable. */
export async function createPause(db: D1Database, pause: Omit<Pause, "createdAt">): Promise<Pause | null> {
  const sql = `INSERT INTO pauses (${COLUMNS}) SELECT ?1, ?2, ?3, ?4, ${NOW}
    WHERE NOT EXISTS (SELECT 1 FROM projects WHERE id = ?1 AND deleted_at IS NOT NULL)
    ON CONFLICT DO UPDATE SET id = id RETURNING ${COLUMNS}`;
  const binds = [pause.projectId ?? "", pause.scope, pause.name, pause.id];
  const statement = db.prepare(sql).bind(...binds);
  const row = await ask(statement.first<Row>());
  return row && toPause(row);
}

/** Those of the project, and those of the whole deployment, the oldest first. */
export async function listPauses(db: D1Database, projectId: string): Promise<Pause[]> {
  const sql = `SELECT ${COLUMNS} FROM pauses WHERE project_id IN (?1, '') ORDER BY created_at, id`;
  const { results } = await ask(db.prepare(sql).bind(projectId).all<Row>());
  return results.map(toPause);
}

/** The names of the pools that are paused. */
export async function findPausedPools(db: D1Database): Promise<Set<string>> {
  const sql = "SELECT name FROM pauses WHERE project_id = '' AND scope = 'pool'";
  const { results } = await ask(db.prepare(sql).all<{ name: string }>());
  return new Set(results.map(({ name }) => name));
}

export async function findPause(db: D1Database, projectId: string, id: string): Promise<Pause | null> {
  const sql = `SELECT ${COLUMNS} FROM pauses WHERE project_id IN (?1, '') AND id = ?2`;
  const row = await ask(db.prepare(sql).bind(projectId, id).first<Row>());
  return row && toPause(row);
}

/** Ends the pause and begins the operation in one transaction, so that nobody forgets to ring. Repeatable. */
export async function dropPause(db: D1Database, pause: Pause, next: NewOperation): Promise<Operation> {
  const sql = "DELETE FROM pauses WHERE project_id = ?1 AND id = ?2";
  const drop = db.prepare(sql).bind(pause.projectId ?? "", pause.id);
  const [, created] = await ask(db.batch([drop, insertOperation(db, next)]));
  return createdOperation(created);
}

/** Open jobs without a gate that one count looks at. */
const COUNTED_JOBS = 100_000;

/**
 * What runs, of one project or (null) of all. Null: more jobs would have to be looked at than are worth it.
 *
 * Jobs that have a gate are in an index that holds nothing but running ones. For the others the clock's index has to do: a
 * row read for each that is open and not put off. Their wake times are near, so that what is scheduled for later and the
 * long lines of the gates, which lie behind, are not looked at.
 */
export async function countRunning(
  db: D1Database,
  projectId: string | null,
  { leaseMs, ringCheckMs }: Timing,
): Promise<RunningJobs[] | null> {
  const nearMs = Math.max(LAST_RING_CHECK_MS, leaseMs, ringCheckMs);
  const own = "(?1 IS NULL OR project_id = ?1)";
  const sql = `SELECT project_id AS projectId, task, pool, SUM(running) AS count, COUNT(*) AS looked FROM (
      SELECT project_id, task, pool, 1 AS running FROM jobs INDEXED BY jobs_in_pool
      WHERE pool IS NOT NULL AND state = 'running' AND ${own}
      UNION ALL
      SELECT project_id, task, ${POOL} AS pool, pool IS NULL AND state = 'running' AS running
      FROM (SELECT project_id, task, pool, model, state FROM jobs INDEXED BY jobs_to_wake
        WHERE wake_at IS NOT NULL AND wake_at <= ${NOW} + ${nearMs} AND ${own} LIMIT ${COUNTED_JOBS}) AS jobs)
    GROUP BY project_id, task, pool`;
  const query = db.prepare(sql).bind(projectId);
  const { results } = await ask(query.all<RunningJobs & { looked: number }>());
  const looked = results.reduce((sum, jobs) => sum + jobs.looked, 0);
  return looked >= COUNTED_JOBS ? null : results;
}

function toPause(row: Row): Pause {
  const projectId = row.project_id === "" ? null : row.project_id;
  return { id: row.id, projectId, scope: row.scope, name: row.name, createdAt: row.created_at };
}

// Reads jobs. Writes of a job's state are in moves.ts, claims.ts and run-ends.ts, new jobs in submit.ts.

import type { Job, WholeJob } from "../core/job";
import { ask, type JobKey, NOW, noteSize, pairs, VISIBLE } from "./db";
import { JOB_COLUMNS, type JobRow, toJob, toWholeJob, WHOLE_JOB_COLUMNS, type WholeJobRow } from "./job-row";

/** With what is left of one that was erased: see isErased. */
export async function getJob(db: D1Database, key: JobKey): Promise<WholeJob | null> {
  const sql = `SELECT ${WHOLE_JOB_COLUMNS} FROM jobs WHERE project_id = ?1 AND id = ?2`;
  const row = await ask(db.prepare(sql).bind(key.projectId, key.id).first<WholeJobRow>());
  return row ? toWholeJob(row) : null;
}

/** Those of the jobs that exist and were not erased, in no order, without input, output and attempts. */
export async function getJobs(db: D1Database, keys: JobKey[]): Promise<Job[]> {
  const sql = `SELECT ${JOB_COLUMNS} FROM jobs
    WHERE (project_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?1)) AND ${VISIBLE}`;
  const { results } = await ask(db.prepare(sql).bind(pairs(keys)).all<JobRow>());
  return results.map(toJob);
}

/** Jobs of a project that have not ended. Looks at every open job of the deployment, in the one index that holds just these. */
export async function countOpen(db: D1Database, projectId: string): Promise<number> {
  const sql = `SELECT COUNT(*) AS count FROM jobs INDEXED BY jobs_to_wake
    WHERE wake_at IS NOT NULL AND project_id = ?1`;
  const result = await ask(db.prepare(sql).bind(projectId).all<{ count: number }>());
  noteSize(db, result);
  return result.results[0]?.count ?? 0;
}

/** Jobs of a project, or of one of its keys, from this id on. Looks at each of them. */
export async function countSince(
  db: D1Database,
  projectId: string,
  keyId: string | null,
  since: string,
): Promise<number> {
  const sql =
    "SELECT COUNT(*) AS count FROM jobs WHERE project_id = ?1 AND id >= ?2 AND (?3 IS NULL OR key_id = ?3)";
  const row = await ask(db.prepare(sql).bind(projectId, since, keyId).first<{ count: number }>());
  return row?.count ?? 0;
}

/** When the `n`th of these was made; null: there are not so many. */
export async function nthSince(
  db: D1Database,
  projectId: string,
  keyId: string | null,
  { since, n }: { since: string; n: number },
): Promise<number | null> {
  const sql = `SELECT created_at FROM jobs WHERE project_id = ?1 AND id >= ?2 AND (?3 IS NULL OR key_id = ?3)
    ORDER BY id LIMIT 1 OFFSET ?4`;
  const row = await ask(
    db
      .prepare(sql)
      .bind(projectId, since, keyId, n - 1)
      .first<{ created_at: number }>(),
  );
  return row?.created_at ?? null;
}

/** The newest jobs of a channel: what a listener sees first. */
export async function newestOfChannel(
  db: D1Database,
  projectId: string,
  channel: string,
  limit: number,
): Promise<Job[]> {
  const sql = `SELECT ${JOB_COLUMNS} FROM jobs
    WHERE project_id = ?1 AND channel = ?2 AND ${VISIBLE} ORDER BY id DESC LIMIT ?3`;
  const { results } = await ask(db.prepare(sql).bind(projectId, channel, limit).all<JobRow>());
  return results.map(toJob);
}

export type RunStatus = JobKey & { run: number; running: number; stop: number };

/** How the database sees runs that are under way: still this run, and asked to stop or not. Missing ones were erased. */
export async function watchRuns(db: D1Database, keys: JobKey[]): Promise<RunStatus[]> {
  const sql = `SELECT project_id AS projectId, id, run, state = 'running' AS running, cancel_requested_at IS NOT NULL AS stop
    FROM jobs WHERE (project_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?1))`;
  const { results } = await ask(db.prepare(sql).bind(pairs(keys)).all<RunStatus>());
  return results;
}

export type Renewal = JobKey & { run: number; progress: string | null };

/** Renews the leases of these runs, and stores how far they are while it writes anyway. */
export async function renewLeases(db: D1Database, renewals: Renewal[], leaseMs: number): Promise<void> {
  const sql = `UPDATE jobs SET lease_until = ${NOW} + ?2, progress = COALESCE(r.progress, jobs.progress)
    FROM (SELECT value->>'projectId' AS p, value->>'id' AS i, value->>'run' AS run, value->>'progress' AS progress
      FROM json_each(?1)) AS r
    WHERE jobs.project_id = r.p AND jobs.id = r.i AND jobs.run = r.run AND jobs.state = 'running'`;
  await ask(db.prepare(sql).bind(JSON.stringify(renewals), leaseMs).run());
}

/** Of a run that has died. The job; null: it is not that run's any more, or its lease is over. */
export async function endLease(db: D1Database, key: JobKey, run: number): Promise<Job | null> {
  const sql = `UPDATE jobs SET lease_until = ${NOW} - 1
    WHERE project_id = ?1 AND id = ?2 AND run = ?3 AND state = 'running' AND lease_until >= ${NOW} RETURNING ${JOB_COLUMNS}`;
  const row = await ask(db.prepare(sql).bind(key.projectId, key.id, run).first<JobRow>());
  return row && toJob(row);
}

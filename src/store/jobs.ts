// Reads and erases jobs. Writes of a job's state are in moves.ts, new jobs in submit.ts.

import type { Job, WholeJob } from "../core/job";
import { ask, type JobKey, NOW, pairs } from "./db";
import { JOB_COLUMNS, type JobRow, toJob, toWholeJob, WHOLE_JOB_COLUMNS, type WholeJobRow } from "./job-row";

export async function getJob(db: D1Database, key: JobKey): Promise<WholeJob | null> {
  const sql = `SELECT ${WHOLE_JOB_COLUMNS} FROM jobs WHERE project_id = ?1 AND id = ?2`;
  const row = await ask(db.prepare(sql).bind(key.projectId, key.id).first<WholeJobRow>());
  return row ? toWholeJob(row) : null;
}

/** Those of the jobs that exist, in no order, without input, output and attempts. */
export async function getJobs(db: D1Database, keys: JobKey[]): Promise<Job[]> {
  const sql = `SELECT ${JOB_COLUMNS} FROM jobs
    WHERE (project_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?1))`;
  const { results } = await ask(db.prepare(sql).bind(pairs(keys)).all<JobRow>());
  return results.map(toJob);
}

/** The newest jobs of a channel: what a listener sees first. */
export async function newestOfChannel(
  db: D1Database,
  projectId: string,
  channel: string,
  limit: number,
): Promise<Job[]> {
  const sql = `SELECT ${JOB_COLUMNS} FROM jobs WHERE project_id = ?1 AND channel = ?2 ORDER BY id DESC LIMIT ?3`;
  const { results } = await ask(db.prepare(sql).bind(projectId, channel, limit).all<JobRow>());
  return results.map(toJob);
}

/**
 * Deletes the row, its tags and its idempotency key, unless it is running. False: there was nothing to delete.
 * The objects in R2 go after it (objects.ts): a row without its objects is never shown, objects without a row never are.
 */
export async function eraseJob(db: D1Database, job: Job): Promise<boolean> {
  const guard = "project_id = ?1 AND id = ?2 AND state <> 'running'";
  const gone = `NOT EXISTS (SELECT 1 FROM jobs WHERE project_id = ?1 AND id = ?2)`;
  const statements = [
    db.prepare(`DELETE FROM jobs WHERE ${guard} RETURNING id`).bind(job.projectId, job.id),
    db
      .prepare(
        `DELETE FROM job_tags WHERE project_id = ?1 AND job_id = ?2
          AND tag IN (SELECT value FROM json_each(?3)) AND ${gone}`,
      )
      .bind(job.projectId, job.id, JSON.stringify(job.tags)),
  ];
  if (job.idempotencyKey !== null) {
    const sql = `DELETE FROM idempotency_keys WHERE project_id = ?1 AND job_id = ?2 AND key = ?3 AND ${gone}`;
    statements.push(db.prepare(sql).bind(job.projectId, job.id, job.idempotencyKey));
  }
  const [deleted] = await ask(db.batch(statements));
  return (deleted?.results.length ?? 0) > 0;
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

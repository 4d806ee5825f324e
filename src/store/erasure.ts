// Erasing jobs: marked first, so that nobody sees them any more, and gone once their objects are.

import { jobIdAt } from "../core/ids";
import { isErased, type Job } from "../core/job";
import { isFinal } from "../core/lifecycle";
import { ask, type JobKey, NOW, pairs } from "./db";
import { JOB_COLUMNS, type JobRow, toJob } from "./job-row";

/** Erased from now on, whatever they are doing. Returns them as they stand; jobs that were erased before too. */
export async function markErased(db: D1Database, keys: JobKey[]): Promise<Job[]> {
  const sql = `UPDATE jobs SET erase_at = MIN(COALESCE(erase_at, ${NOW}), ${NOW})
    WHERE (project_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?1)) RETURNING ${JOB_COLUMNS}`;
  const { results } = await ask(db.prepare(sql).bind(pairs(keys)).all<JobRow>());
  return results.map(toJob);
}

/** Erased, and not merely waiting for a run to stop: that one ends by itself, or its lease does. */
const TO_DO = "erase_at IS NOT NULL AND NOT (state = 'running' AND cancel_requested_at IS NOT NULL)";

/** Erased jobs that are still there, the oldest `limit` of them. */
export async function findErased(db: D1Database, limit: number): Promise<Job[]> {
  const sql = `SELECT ${JOB_COLUMNS} FROM jobs WHERE erase_at <= ${NOW} AND ${TO_DO} ORDER BY erase_at LIMIT ?1`;
  const { results } = await ask(db.prepare(sql).bind(limit).all<JobRow>());
  return results.map(toJob);
}

/** Milliseconds until the next job has to be erased; null: none has. */
export async function untilNextErasureMs(db: D1Database): Promise<number | null> {
  const sql = `SELECT erase_at - ${NOW} AS ms FROM jobs WHERE ${TO_DO} ORDER BY erase_at LIMIT 1`;
  const row = await ask(db.prepare(sql).first<{ ms: number }>());
  return row?.ms ?? null;
}

/** A page of a project's jobs that are older than the deployment keeps jobs, in the order of their ids. */
export async function findOld(
  db: D1Database,
  projectId: string,
  page: { after: string; createdBefore: number; limit: number },
): Promise<Job[]> {
  const sql = `SELECT ${JOB_COLUMNS} FROM jobs WHERE project_id = ?1 AND id > ?2 AND id < ?3 ORDER BY id LIMIT ?4`;
  const query = db.prepare(sql).bind(projectId, page.after, jobIdAt(page.createdBefore), page.limit);
  return (await ask(query.all<JobRow>())).results.map(toJob);
}

/** Whether a job's time is over by the rule for jobs without a rule of their own. A child is kept as long as its parent. */
export function isOld(job: Job, retentionMs: number): boolean {
  if (!isFinal(job.state) || job.retentionMs !== null || job.parentId !== null || isErased(job)) return false;
  return job.finishedAt !== null && job.finishedAt + retentionMs <= job.readAt;
}

/**
 * Deletes the rows of jobs that have ended, with their tags and idempotency keys: those that are still as they were read.
 * Their objects must be gone by then.
 */
export async function deleteRows(db: D1Database, jobs: Job[]): Promise<void> {
  const read = JSON.stringify(jobs.map((job) => [job.projectId, job.id, job.version]));
  const gone = "NOT EXISTS (SELECT 1 FROM jobs WHERE project_id = p AND id = i)";
  const tags = jobs.flatMap((job) => job.tags.map((tag) => [job.projectId, job.id, tag]));
  const keys = jobs.flatMap((job) =>
    job.idempotencyKey === null ? [] : [[job.projectId, job.id, job.idempotencyKey]],
  );
  const listed = "SELECT value->>0 AS p, value->>1 AS i, value->>2 AS name FROM json_each(?1)";
  const statements = [
    db
      .prepare(
        `DELETE FROM jobs WHERE (project_id, id, version) IN (SELECT value->>0, value->>1, value->>2 FROM json_each(?1))
          AND state IN ('completed', 'failed', 'cancelled')`,
      )
      .bind(read),
  ];
  if (tags.length > 0) {
    const sql = `DELETE FROM job_tags WHERE (project_id, job_id, tag) IN (SELECT p, i, name FROM (${listed}) WHERE ${gone})`;
    statements.push(db.prepare(sql).bind(JSON.stringify(tags)));
  }
  if (keys.length > 0) {
    const sql = `DELETE FROM idempotency_keys WHERE (project_id, job_id, key) IN (SELECT p, i, name FROM (${listed}) WHERE ${gone})`;
    statements.push(db.prepare(sql).bind(JSON.stringify(keys)));
  }
  await ask(db.batch(statements));
}

/** Those of the keys whose job has a row, erased or not. */
export async function findExisting(db: D1Database, keys: JobKey[]): Promise<Set<string>> {
  const sql = `SELECT project_id || '/' || id AS name FROM jobs
    WHERE (project_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?1))`;
  const { results } = await ask(db.prepare(sql).bind(pairs(keys)).all<{ name: string }>());
  return new Set(results.map(({ name }) => name));
}

// Why jobs have failed: counted by cause, through the one index that holds failed jobs.

import type { JobError } from "../core/job";
import { ask, fromJson, VISIBLE } from "./db";

/** Jobs that failed for the same cause. `error` is the one of the newest of them, as it is stored. */
export type FailureGroup = {
  fingerprint: string;
  count: number;
  task: string;
  error: JobError;
  newestJob: string;
  /** Whom that one followed. */
  newestFollows: string | null;
  oldestJob: string;
  lastAt: number;
};

type Row = {
  fingerprint: string;
  count: number;
  newest: string;
  oldest: string;
  task: string;
  error: string;
  follows: string | null;
  finished_at: number;
};

/** Failed jobs that are looked at, the newest. An index scan of so many takes D1 some ten milliseconds. */
export const COUNTED_FAILURES = 50_000;

/** The `limit` most frequent causes among the newest failed jobs. */
export async function groupFailures(
  db: D1Database,
  projectId: string,
  limit: number,
): Promise<FailureGroup[]> {
  const sql = `SELECT g.*, jobs.task, jobs.error, jobs.follows, jobs.finished_at FROM (
      SELECT fingerprint, COUNT(*) AS count, MAX(id) AS newest, MIN(id) AS oldest FROM (
        SELECT id, fingerprint FROM jobs WHERE project_id = ?1 AND state = 'failed' AND fingerprint IS NOT NULL
        ORDER BY id DESC LIMIT ${COUNTED_FAILURES})
      GROUP BY fingerprint ORDER BY count DESC, newest DESC LIMIT ?2) AS g
    JOIN jobs ON jobs.project_id = ?1 AND jobs.id = g.newest WHERE ${VISIBLE} ORDER BY g.count DESC, g.newest DESC`;
  const { results } = await ask(db.prepare(sql).bind(projectId, limit).all<Row>());
  return results.map((row) => ({
    fingerprint: row.fingerprint,
    count: row.count,
    task: row.task,
    error: fromJson<JobError>(row.error) ?? { code: "internal", message: "", retryable: false },
    newestJob: row.newest,
    newestFollows: row.follows,
    oldestJob: row.oldest,
    lastAt: row.finished_at,
  }));
}

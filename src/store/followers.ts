// Jobs that share the end of an equal one, and who leads them when it has ended otherwise.

import type { Job } from "../core/job";
import { ask, type JobKey, VISIBLE } from "./db";
import { JOB_COLUMNS, type JobRow, toJob } from "./job-row";

/** Those that have ended with their leader, in the order of their ids, from the one after `after` on. */
export async function endedFollowers(
  db: D1Database,
  leader: JobKey,
  { after, limit }: { after: string; limit: number },
): Promise<Job[]> {
  const sql = `SELECT ${JOB_COLUMNS} FROM jobs INDEXED BY jobs_following
    WHERE project_id = ?1 AND follows = ?2 AND id > ?3 AND state IN ('completed', 'failed') AND ${VISIBLE}
    ORDER BY id LIMIT ${limit}`;
  const bound = db.prepare(sql).bind(leader.projectId, leader.id, after);
  return (await ask(bound.all<JobRow>())).results.map(toJob);
}

/** Who makes the answer of this key now, if it has not begun. */
export async function pendingLeader(
  db: D1Database,
  projectId: string,
  cacheKey: string,
): Promise<Job | null> {
  const sql = `SELECT ${JOB_COLUMNS} FROM jobs WHERE project_id = ?1 AND state = 'pending'
    AND id = (SELECT job_id FROM cache_entries WHERE project_id = ?1 AND key = ?2)`;
  const row = await ask(db.prepare(sql).bind(projectId, cacheKey).first<JobRow>());
  return row && toJob(row);
}

// Concurrency keys: at most so many jobs of a project with the same key run at once. Counted from the jobs themselves, so
// that no slot can get lost.

import type { Job } from "../core/job";
import { IN_BUDGET } from "./budgets";
import { ask } from "./db";
import { JOB_COLUMNS, type JobRow, toJob } from "./job-row";
import { NOT_PAUSED } from "./pauses";
import { DUE } from "./startable";

/** Of a row of `jobs` with a key: how many run with that key. */
export const RUNNING_WITH_KEY = `(SELECT COUNT(*) FROM jobs AS other INDEXED BY jobs_by_concurrency
  WHERE other.project_id = jobs.project_id AND other.concurrency_key = jobs.concurrency_key AND other.wake_at IS NOT NULL
    AND other.state = 'running')`;

/** Of a row of `jobs`: it has no key, or fewer run with that key than may. */
export const KEY_IS_FREE = `(concurrency_key IS NULL OR ${RUNNING_WITH_KEY} < concurrency_limit)`;

export type ConcurrencyKey = { projectId: string; key: string };

/** Who waits for a key and could start, first come first; and how many run with it. */
export type KeyLine = { running: number; waiting: Job[] };

/** Of those that wait for a key, the oldest so many are compared by priority. */
const COMPARED_JOBS = 1_000;

/** Of each line. */
const LONGEST_LINE = 100;

/** One call for all of the keys. */
export async function findKeyLines(db: D1Database, keys: ConcurrencyKey[]): Promise<KeyLine[]> {
  const ofKey = (
    state: string,
  ) => `jobs INDEXED BY jobs_by_concurrency WHERE project_id = ?1 AND concurrency_key = ?2
    AND state = '${state}' AND wake_at IS NOT NULL`;
  const sql = `WITH held AS MATERIALIZED (SELECT COUNT(*) AS running FROM ${ofKey("running")})
    SELECT ${JOB_COLUMNS}, (SELECT running FROM held) AS running FROM jobs WHERE project_id = ?1 AND id IN (
      SELECT id FROM ${ofKey("pending")} AND ${DUE}
        AND concurrency_limit > (SELECT running FROM held) AND ${NOT_PAUSED} AND ${IN_BUDGET}
      ORDER BY id LIMIT ${COMPARED_JOBS})
    ORDER BY priority DESC, run_at, id LIMIT ${LONGEST_LINE}`;
  const statements = keys.map(({ projectId, key }) => db.prepare(sql).bind(projectId, key));
  const answers = await ask(db.batch<JobRow & { running: number }>(statements));
  return answers.map(({ results }) => ({
    running: results[0]?.running ?? 0,
    waiting: results.map(toJob),
  }));
}

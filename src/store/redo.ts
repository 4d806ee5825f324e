// redo: what of an ended job's children did not complete is done again, and the job goes on from there.

import type { Job } from "../core/job";
import type { Timing } from "../core/limits";
import { ask, type JobKey, NOW, VISIBLE } from "./db";
import { JOB_COLUMNS, type JobRow, toJob } from "./job-row";
import { guard, type RunKey } from "./moves";
import { PARENT_IS_OPEN } from "./startable";

/** What a job that begins anew does not keep. `run` goes on rising, so that an old run can never write. */
const ANEW = `state = 'pending', reason = 'queued', version = version + 1, attempt = 0, crashes = 0, turns = 0, run_at = ${NOW},
      started_at = NULL, finished_at = NULL, expires_at = NULL, cancel_requested_at = NULL, error = NULL, output = NULL,
      output_bytes = NULL, output_key = NULL, fingerprint = NULL, erase_at = NULL, follows = NULL,
      route = REPLACE(route, ',"out":true', '')`;

/** Null: it has no children, has not ended, or all of them have completed and so has it. */
export async function redoJob(db: D1Database, key: JobKey, { ringCheckMs }: Timing): Promise<Job | null> {
  const sql = `UPDATE jobs SET ${ANEW}, wake_at = ${NOW} + ${ringCheckMs}, redo = 1
    WHERE ${guard("redo")} AND children_total > 0 AND ${VISIBLE} AND ${PARENT_IS_OPEN}
      AND (state <> 'completed' OR children_failed + children_cancelled > 0) RETURNING ${JOB_COLUMNS}`;
  const row = await ask(db.prepare(sql).bind(key.projectId, key.id).first<JobRow>());
  return row && toJob(row);
}

/**
 * Those children between two ids that did not complete, for the run that redoes their parent; a child with children of its
 * own redoes them in its turn. What never was a job, because it could not be one, stays failed. Repeatable.
 */
export async function redoChildren(
  db: D1Database,
  parent: RunKey,
  range: { first: string; last: string },
  { ringCheckMs }: Timing,
): Promise<Job[]> {
  const sql = `UPDATE jobs SET ${ANEW}, wake_at = ${NOW} + ${ringCheckMs}, redo = CASE WHEN children_total > 0 THEN 1 END
    WHERE project_id = ?1 AND id BETWEEN ?2 AND ?3 AND state IN ('failed', 'cancelled') AND ${VISIBLE}
      AND (input IS NOT NULL OR input_key IS NOT NULL)
      AND EXISTS (SELECT 1 FROM jobs AS parent WHERE parent.project_id = ?1 AND parent.id = ?4 AND parent.run = ?5
        AND parent.state = 'running')
    RETURNING ${JOB_COLUMNS}`;
  const bound = db.prepare(sql).bind(parent.projectId, range.first, range.last, parent.id, parent.run);
  return (await ask(bound.all<JobRow>())).results.map(toJob);
}

/** All of them have been started again. */
export async function redone(db: D1Database, parent: RunKey): Promise<void> {
  const sql = "UPDATE jobs SET redo = NULL WHERE project_id = ?1 AND id = ?2 AND run = ?3";
  await ask(db.prepare(sql).bind(parent.projectId, parent.id, parent.run).run());
}

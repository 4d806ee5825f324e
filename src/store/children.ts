// What the children of a job have done, in their order.

import { childRange } from "../core/children";
import type { WholeJob } from "../core/job";
import { ask, type JobKey } from "./db";
import { toWholeJob, WHOLE_JOB_COLUMNS, type WholeJobRow } from "./job-row";

/** Those that have ended, from the id `from` on; in the order in which they were made. Without their inputs. */
export async function endedChildren(
  db: D1Database,
  parent: JobKey,
  { from, states, limit }: { from: string; states: string[]; limit: number },
): Promise<WholeJob[]> {
  const sql = `SELECT ${WHOLE_JOB_COLUMNS.replace(", input,", ", NULL AS input,")} FROM jobs
    WHERE project_id = ?1 AND id BETWEEN ?2 AND ?3 AND parent_id = ?4
      AND state IN (SELECT value FROM json_each(?5)) ORDER BY id LIMIT ${limit}`;
  return read(db, sql, parent, from, [JSON.stringify(states)]);
}

/** The first child that did not complete; null: there is none. */
export async function firstLost(db: D1Database, parent: JobKey): Promise<WholeJob | null> {
  const sql = `SELECT ${WHOLE_JOB_COLUMNS} FROM jobs WHERE project_id = ?1 AND id BETWEEN ?2 AND ?3 AND parent_id = ?4
    AND state IN ('failed', 'cancelled') ORDER BY id LIMIT 1`;
  const [lost] = await read(db, sql, parent, childRange(parent.id).first);
  return lost ?? null;
}

async function read(
  db: D1Database,
  sql: string,
  parent: JobKey,
  from: string,
  more: string[] = [],
): Promise<WholeJob[]> {
  const bound = db.prepare(sql).bind(parent.projectId, from, childRange(parent.id).last, parent.id, ...more);
  return (await ask(bound.all<WholeJobRow>())).results.map(toWholeJob);
}

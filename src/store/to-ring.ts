// Jobs that could start if somebody rang for them: pending and due, in the order in which the clock would look at them.

import { LINE_CHECK_MS } from "../core/limits";
import { ALL_PROJECTS, type Operation } from "../core/operation";
import { ask } from "./db";
import type { JobPage } from "./job-list";
import { JOB_COLUMNS, type JobRow, toJob } from "./job-row";
import { POOL } from "./pauses";
import { DUE } from "./startable";

/** Entries of the clock's index that one slice walks over; the rows of other projects are not read. */
const SCAN_ENTRIES = 5_000;

/** An entry of the clock's index: its wake time, project and job. */
type Entry = { wake_at: number; project_id: string; id: string };

const FIRST: Entry = { wake_at: 0, project_id: "", id: "" };

/**
 * A walk along the clock's index, through which one operation goes once, whatever the number of projects. A pending job that
 * is due was put off by a day at most when it was last looked at: what lies behind that is scheduled for later.
 */
export async function findToRing(
  db: D1Database,
  { target, filter, position, createdAt }: Operation,
  limit: number,
): Promise<JobPage> {
  const after = position === null ? FIRST : (JSON.parse(position) as Entry);
  const entries = `SELECT wake_at, project_id, id FROM jobs INDEXED BY jobs_to_wake
    WHERE wake_at IS NOT NULL AND wake_at <= ?4 AND (wake_at, project_id, id) > (?1, ?2, ?3)
    ORDER BY wake_at, project_id, id LIMIT ${SCAN_ENTRIES}`;
  const walk = [after.wake_at, after.project_id, after.id, createdAt + LINE_CHECK_MS];
  const sql = `SELECT ${JOB_COLUMNS}, wake_at FROM jobs
    WHERE (project_id, id) IN (SELECT project_id, id FROM (${entries}) WHERE ?5 IN ('${ALL_PROJECTS}', project_id))
      AND ${DUE}
      AND (?6 IS NULL OR task = ?6) AND (?7 IS NULL OR ${POOL} = ?7)
    ORDER BY wake_at, project_id, id LIMIT ?8`;
  const wanted = [target, filter.task ?? null, filter.pool ?? null, limit];
  const page = db.prepare(sql).bind(...walk, ...wanted);
  const end = db.prepare(`SELECT * FROM (${entries}) LIMIT 1 OFFSET ${SCAN_ENTRIES - 1}`).bind(...walk);
  const [found, last] = await ask(db.batch([page, end]));
  const rows = (found?.results ?? []) as (JobRow & Entry)[];
  const next = rows.length === limit ? rows.at(-1) : (last?.results[0] as Entry | undefined);
  return { jobs: rows.map(toJob), next: next ? placeOf(next) : null };
}

function placeOf({ wake_at, project_id, id }: Entry): string {
  return JSON.stringify({ wake_at, project_id, id });
}

// Pages of jobs, newest first. Each page reads a bounded number of rows, however rare what is looked for.

import { childRange } from "../core/children";
import { jobIdAt } from "../core/ids";
import type { Job } from "../core/job";
import type { JobFilter } from "../core/operation";
import { ask, VISIBLE } from "./db";
import { JOB_COLUMNS, type JobRow, toJob } from "./job-row";

/** `next`: the id after which the next page begins; null at the end. A page may be short, or empty, and still have one. */
export type JobPage = { jobs: Job[]; next: string | null };

/** `tasks`: any of them. */
export type PageFilter = JobFilter & { tasks?: readonly string[] };

/** Rows one page may look at. 2,000 light rows take D1 a few milliseconds. */
const SCAN_ROWS = 2_000;

const OPEN = ["pending", "running", "waiting"] as const;

const AFTER_ALL = "~";

export async function listJobs(
  db: D1Database,
  projectId: string,
  filter: PageFilter,
  limit: number,
  before: string | null,
): Promise<JobPage> {
  const source = sourceOf(filter);
  const rest = restOf(filter, source);
  const scanned = rest.sql === "" ? limit : SCAN_ROWS;
  const candidates = `SELECT id FROM (${source.sql}) ORDER BY id DESC LIMIT ${scanned}`;
  const where = `project_id = ?1 AND id IN (${candidates}) AND ${VISIBLE}${rest.sql}`;
  const base = [projectId, upper(filter, before), lower(filter), ...source.binds];
  const page = db
    .prepare(`SELECT ${JOB_COLUMNS} FROM jobs WHERE ${where} ORDER BY id DESC LIMIT ${limit}`)
    .bind(...base, ...rest.binds);
  const scan = db.prepare(`SELECT COUNT(*) AS count, MIN(id) AS last FROM (${candidates})`).bind(...base);
  const [found, seen] = await ask(db.batch([page, scan]));
  const jobs = ((found?.results ?? []) as JobRow[]).map(toJob);
  return { jobs, next: nextOf(jobs, limit, scanned, seen?.results[0] as Scan | undefined) };
}

/** Ids begin with their time: a time to look before or after is an id. */
function upper({ createdBefore, parent }: JobFilter, before: string | null): string {
  const limits = [before ?? AFTER_ALL];
  if (createdBefore !== undefined) limits.push(jobIdAt(createdBefore));
  // A child's id is as old as its parent, and nothing comes between two children.
  if (parent !== undefined) limits.push(`${childRange(parent).last}${AFTER_ALL}`);
  return limits.reduce((lowest, one) => (one < lowest ? one : lowest));
}

function lower({ createdAfter, parent }: JobFilter): string {
  const first = parent === undefined ? "" : childRange(parent).first;
  const since = createdAfter === undefined ? "" : jobIdAt(createdAfter);
  return first > since ? first : since;
}

type Scan = { count: number; last: string | null };

function nextOf(jobs: Job[], limit: number, scanned: number, scan: Scan | undefined): string | null {
  if (jobs.length === limit) return jobs.at(-1)?.id ?? null;
  return scan && scan.count === scanned ? scan.last : null;
}

type Source = { sql: string; binds: string[]; covers: keyof JobFilter | null };

const RANGE = "id < ?2 AND id >= ?3";

/** The narrowest index for this filter. It gives the ids before the cursor (?2) and not before a time (?3). */
function sourceOf(filter: JobFilter): Source {
  if (filter.tag !== undefined) {
    const sql =
      "SELECT job_id AS id FROM job_tags WHERE project_id = ?1 AND tag = ?4 AND job_id < ?2 AND job_id >= ?3";
    return { sql, binds: [filter.tag], covers: "tag" };
  }
  if (filter.channel !== undefined) {
    const sql = "SELECT id FROM jobs WHERE project_id = ?1 AND channel = ?4 AND id < ?2 AND id >= ?3";
    return { sql, binds: [filter.channel], covers: "channel" };
  }
  if (filter.fingerprint !== undefined) {
    const sql = `SELECT id FROM jobs WHERE project_id = ?1 AND state = 'failed' AND fingerprint = ?4 AND ${RANGE}`;
    return { sql, binds: [filter.fingerprint], covers: "fingerprint" };
  }
  if (filter.state === "failed" || filter.state === "cancelled") {
    const sql = `SELECT id FROM jobs WHERE project_id = ?1 AND state = '${filter.state}' AND ${RANGE}`;
    return { sql, binds: [], covers: "state" };
  }
  if (filter.parent === undefined && OPEN.some((state) => state === filter.state)) {
    // What is not final has a wake time: the clock's index holds just these, of all projects.
    const sql = `SELECT id FROM jobs INDEXED BY jobs_to_wake WHERE wake_at IS NOT NULL AND project_id = ?1
      AND state = '${filter.state}' AND ${RANGE}`;
    return { sql, binds: [], covers: "state" };
  }
  if (filter.parent !== undefined) {
    const sql = `SELECT id FROM jobs WHERE project_id = ?1 AND parent_id = ?4 AND ${RANGE}`;
    return { sql, binds: [filter.parent], covers: "parent" };
  }
  // `open` too: an operation on all open jobs must not sort them all for each of its slices.
  return { sql: `SELECT id FROM jobs WHERE project_id = ?1 AND ${RANGE}`, binds: [], covers: null };
}

/** Conditions the source does not cover; every page that has one is bounded by SCAN_ROWS. */
function restOf(filter: PageFilter, source: Source): { sql: string; binds: string[] } {
  const columns = (["state", "task", "channel", "fingerprint", "parent"] as const).filter(
    (column) => filter[column] !== undefined && source.covers !== column,
  );
  const parts: string[] = [];
  const binds: string[] = [];
  for (const column of columns) {
    if (filter[column] === "open" && column === "state") parts.push(`state IN (${quoted(OPEN)})`);
    else {
      binds.push(filter[column] ?? "");
      parts.push(
        `${column === "parent" ? "parent_id" : column} = ?${3 + source.binds.length + binds.length}`,
      );
    }
  }
  if (filter.tasks) {
    binds.push(JSON.stringify(filter.tasks));
    parts.push(`task IN (SELECT value FROM json_each(?${3 + source.binds.length + binds.length}))`);
  }
  return { sql: parts.map((part) => ` AND ${part}`).join(""), binds };
}

function quoted(states: readonly string[]): string {
  return states.map((state) => `'${state}'`).join(", ");
}

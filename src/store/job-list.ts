// Pages of jobs, newest first. Each page reads a bounded number of rows, however rare what is looked for.

import type { Job } from "../core/job";
import type { State } from "../core/lifecycle";
import { ask } from "./db";
import { JOB_COLUMNS, type JobRow, toJob } from "./job-row";

export type JobFilter = {
  state?: State;
  task?: string;
  channel?: string;
  tag?: string;
};

/** `next`: the id after which the next page begins; null at the end. A page may be short, or empty, and still have one. */
export type JobPage = { jobs: Job[]; next: string | null };

/** Rows one page may look at. 2,000 light rows take D1 a few milliseconds. */
const SCAN_ROWS = 2_000;

const AFTER_ALL = "~";

export async function listJobs(
  db: D1Database,
  projectId: string,
  filter: JobFilter,
  limit: number,
  before: string | null,
): Promise<JobPage> {
  const source = sourceOf(filter);
  const rest = restOf(filter, source);
  const scanned = rest.length === 0 ? limit : SCAN_ROWS;
  const candidates = `SELECT id FROM (${source.sql}) ORDER BY id DESC LIMIT ${scanned}`;
  const where = ["project_id = ?1", `id IN (${candidates})`, ...rest.map((part) => part.sql)].join(" AND ");
  const base = [projectId, before ?? AFTER_ALL, ...source.binds];
  const page = db
    .prepare(`SELECT ${JOB_COLUMNS} FROM jobs WHERE ${where} ORDER BY id DESC LIMIT ${limit}`)
    .bind(...base, ...rest.map((part) => part.bind));
  const scan = db.prepare(`SELECT COUNT(*) AS count, MIN(id) AS last FROM (${candidates})`).bind(...base);
  const [found, seen] = await ask(db.batch([page, scan]));
  const jobs = ((found?.results ?? []) as JobRow[]).map(toJob);
  return { jobs, next: nextOf(jobs, limit, scanned, seen?.results[0] as Scan | undefined) };
}

type Scan = { count: number; last: string | null };

function nextOf(jobs: Job[], limit: number, scanned: number, scan: Scan | undefined): string | null {
  if (jobs.length === limit) return jobs.at(-1)?.id ?? null;
  return scan && scan.count === scanned ? scan.last : null;
}

type Source = { sql: string; binds: string[]; covers: keyof JobFilter | null };

/** The narrowest index for this filter. It gives the ids before the cursor (?2). */
function sourceOf(filter: JobFilter): Source {
  if (filter.tag !== undefined) {
    const sql = "SELECT job_id AS id FROM job_tags WHERE project_id = ?1 AND tag = ?3 AND job_id < ?2";
    return { sql, binds: [filter.tag], covers: "tag" };
  }
  if (filter.channel !== undefined) {
    const sql = "SELECT id FROM jobs WHERE project_id = ?1 AND channel = ?3 AND id < ?2";
    return { sql, binds: [filter.channel], covers: "channel" };
  }
  if (filter.state === "failed" || filter.state === "cancelled") {
    const sql = `SELECT id FROM jobs WHERE project_id = ?1 AND state = '${filter.state}' AND id < ?2`;
    return { sql, binds: [], covers: "state" };
  }
  if (filter.state === "pending" || filter.state === "running" || filter.state === "waiting") {
    // What is not final has a wake time: the clock's index holds just these, of all projects.
    const sql = `SELECT id FROM jobs INDEXED BY jobs_to_wake
      WHERE wake_at IS NOT NULL AND project_id = ?1 AND state = '${filter.state}' AND id < ?2`;
    return { sql, binds: [], covers: "state" };
  }
  return { sql: "SELECT id FROM jobs WHERE project_id = ?1 AND id < ?2", binds: [], covers: null };
}

/** Conditions the source does not cover; every page that has one is bounded by SCAN_ROWS. */
function restOf(filter: JobFilter, source: Source): { sql: string; bind: string }[] {
  const columns = (["state", "task", "channel"] as const).filter(
    (column) => filter[column] !== undefined && source.covers !== column,
  );
  return columns.map((column, i) => ({
    sql: `${column} = ?${3 + source.binds.length + i}`,
    bind: filter[column] ?? "",
  }));
}

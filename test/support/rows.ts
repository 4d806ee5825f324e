// Rows of the table `jobs`: made, looked at whole, and changed behind the code's back.

import { env } from "cloudflare:workers";
import type { WholeJob } from "../../src/core/job";
import type { State } from "../../src/core/lifecycle";
import { TIMING } from "../../src/core/limits";
import { getJob } from "../../src/store/jobs";
import { insertJobs, type NewJob } from "../../src/store/submit";
import { aNewJob, PROJECT } from "./factory";

export type Row = Record<string, string | number | null>;

/** Writes one job, changes its row as told, and returns it. */
export async function storedJob(over: Partial<NewJob> = {}, changes: Row = {}): Promise<WholeJob> {
  const job = aNewJob(over);
  await insertJobs(env.DB, PROJECT, [job], null, TIMING);
  await changeRow(job.id, changes);
  return theJob(job.id);
}

export async function storedIn(state: State, changes: Row = {}): Promise<WholeJob> {
  return storedJob({}, { ...columnsOf(state), ...changes });
}

/** The job as it stands. Throws when there is none. */
export async function theJob(id: string, projectId = PROJECT): Promise<WholeJob> {
  const job = await getJob(env.DB, { projectId, id });
  if (!job) throw new Error(`no job ${id}`);
  return job;
}

/** Every column of the row; null: there is none. */
export async function theRow(id: string): Promise<Row | null> {
  return env.DB.prepare("SELECT * FROM jobs WHERE id = ?1").bind(id).first<Row>();
}

export async function changeRow(id: string, changes: Row): Promise<void> {
  const columns = Object.keys(changes);
  if (columns.length === 0) return;
  const sets = columns.map((column, i) => `${column} = ?${i + 2}`).join(", ");
  const sql = `UPDATE jobs SET ${sets} WHERE id = ?1`;
  await env.DB.prepare(sql)
    .bind(id, ...Object.values(changes))
    .run();
}

export async function countRows(table: string): Promise<number> {
  const row = await env.DB.prepare(`SELECT COUNT(*) AS count FROM ${table}`).first<{ count: number }>();
  return row?.count ?? 0;
}

export async function countIn(state: State): Promise<number> {
  const sql = "SELECT COUNT(*) AS count FROM jobs WHERE state = ?1";
  return (await env.DB.prepare(sql).bind(state).first<number>("count")) ?? 0;
}

function columnsOf(state: State): Row {
  const now = Date.now();
  switch (state) {
    case "pending":
      return {};
    case "waiting":
      return { state, reason: null, run: 1, attempt: 1 };
    case "running":
      return {
        state,
        reason: null,
        run: 1,
        attempt: 1,
        started_at: now,
        lease_until: now + 60_000,
        claim_id: "clm_0",
      };
    default:
      return { state, reason: null, run: 1, attempt: 1, started_at: now, finished_at: now, wake_at: null };
  }
}

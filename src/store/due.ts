// What the clock looks at: jobs whose wake time has come, in slices, through the one index on wake_at.

import type { Job } from "../core/job";
import { LAST_RING_CHECK_MS, LINE_CHECK_MS, type Timing } from "../core/limits";
import { ask, type JobKey, NOW, pairs } from "./db";
import { JOB_COLUMNS, type JobRow, toJob } from "./job-row";

/**
 * A job the clock must look at. `rung`: its doorbell was rung before; a job that had to wait for its time (delay, retry,
 * next turn) is woken at that very instant, and nobody has rung yet.
 */
export type DueJob = Job & { rung: boolean };

/**
 * The earliest `limit` of them, and as many whose run has died although their wake time is far away: a claim does not name
 * that time, and what waits for a gate or a budget waits with a late one.
 */
export async function findDue(db: D1Database, limit: number, { ringCheckMs }: Timing): Promise<DueJob[]> {
  const columns = `SELECT ${JOB_COLUMNS}, wake_at > run_at AS rung FROM jobs`;
  const due = `${columns} WHERE wake_at IS NOT NULL AND wake_at <= ${NOW} ORDER BY wake_at LIMIT ?1`;
  const isFarOff = `state = 'running' AND lease_until < ${NOW} AND wake_at > ${NOW} + ${ringCheckMs} LIMIT ?1`;
  const dead = [
    `${columns} INDEXED BY jobs_in_pool WHERE pool IS NOT NULL AND ${isFarOff}`,
    `${columns} INDEXED BY jobs_reserved WHERE reserved = 1 AND pool IS NULL AND ${isFarOff}`,
  ];
  const results = await ask(
    db.batch<JobRow & { rung: number }>([due, ...dead].map((sql) => db.prepare(sql).bind(limit))),
  );
  return results.flatMap((result) => result.results).map((row) => ({ ...toJob(row), rung: row.rung === 1 }));
}

/** Milliseconds from now until the clock must look next; null: nothing is open. */
export async function untilNextDueMs(db: D1Database): Promise<number | null> {
  const sql = `SELECT MIN(wake_at) - ${NOW} AS ms FROM jobs WHERE wake_at IS NOT NULL`;
  const row = await ask(db.prepare(sql).first<{ ms: number | null }>());
  return row?.ms ?? null;
}

/** `soon`: the job's doorbell was lost, and is rung now. `later and later`: it may still be answered. */
export type Patience = "soon" | "later and later";

/**
 * Says when to look again at jobs that have not ended.
 *
 * Pending: after 30 s; with `later and later` after as long as it has been due, up to 15 min. Running: when the lease ends;
 * once it has ended, in 30 s (somebody is about to take the job over). In line at a gate, or waiting for children: not before it expires, or in a
 * day. A job that moved on is left alone.
 */
export async function postpone(
  db: D1Database,
  keys: JobKey[],
  patience: Patience,
  timing: Timing,
): Promise<void> {
  if (keys.length === 0) return;
  const longest = patience === "soon" ? timing.ringCheckMs : LAST_RING_CHECK_MS;
  const sql = `UPDATE jobs SET wake_at = CASE
      WHEN state = 'running' AND lease_until > ${NOW} THEN lease_until
      WHEN state = 'running' THEN ${NOW} + ${timing.ringCheckMs}
      WHEN state = 'waiting' OR (pool IS NOT NULL AND run_at <= ${NOW}) THEN MIN(${NOW} + ${LINE_CHECK_MS}, COALESCE(expires_at, ${NOW} + ${LINE_CHECK_MS}))
      WHEN run_at > ${NOW} THEN MIN(run_at, COALESCE(expires_at, run_at))
      ELSE MIN(COALESCE(expires_at, ${NOW} + ${longest}),
        ${NOW} + MIN(${longest}, MAX(${timing.ringCheckMs}, ${NOW} - run_at))) END
    WHERE (project_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?1))
      AND (wake_at <= ${NOW} OR lease_until < ${NOW}) AND state IN ('running', 'pending', 'waiting')`;
  await ask(db.prepare(sql).bind(pairs(keys)).run());
}

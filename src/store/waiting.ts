// The jobs of a project or key that could start and wait: found in their order, and looked after by the clock again.

import type { BudgetKey } from "../core/budget";
import type { Job } from "../core/job";
import { LAST_RING_CHECK_MS, type Timing } from "../core/limits";
import { ask, type JobKey, NOW, pairs } from "./db";
import { JOB_COLUMNS, type JobRow, toJob } from "./job-row";

/** What may be started: as much as fits into `tokens` and `usd` by the jobs' reservations; null: any number. */
export type Room = { tokens: number | null; usd: number | null };

/**
 * The first `limit` of them after this id, the oldest first, and not more than there is room for; at least one if there is
 * any. Looks at every open job of the deployment, in the one index that holds just these.
 */
export async function findWaiting(
  db: D1Database,
  { projectId, keyId }: BudgetKey,
  { after, limit, room }: { after: string; limit: number; room: Room },
): Promise<Job[]> {
  const before = (column: string) =>
    `SUM(COALESCE(${column}, 0)) OVER (ORDER BY id) - COALESCE(${column}, 0)`;
  const sql = `SELECT ${JOB_COLUMNS} FROM jobs WHERE project_id = ?1 AND id IN (SELECT id FROM (
      SELECT id, ${before("reserve_tokens")} AS tokens, ${before("reserve_nano_usd")} AS nano_usd
      FROM jobs INDEXED BY jobs_to_wake WHERE wake_at IS NOT NULL AND project_id = ?1 AND state = 'pending'
        AND run_at <= ${NOW} AND id > ?2 AND (?3 IS NULL OR key_id = ?3))
    WHERE (?4 IS NULL OR tokens < MAX(?4, 1)) AND (?5 IS NULL OR nano_usd < MAX(?5, 1)) ORDER BY id LIMIT ?6)
    ORDER BY id`;
  const nanoUsd = room.usd === null ? null : Math.round(room.usd * 1e9);
  const binds = [projectId, after, keyId, room.tokens, nanoUsd, limit];
  const { results } = await ask(
    db
      .prepare(sql)
      .bind(...binds)
      .all<JobRow>(),
  );
  return results.map(toJob);
}

/** These are about to be rung: the clock looks soon whether their doorbells got lost, also at those that were to rest. */
export async function endRest(db: D1Database, keys: JobKey[], { ringCheckMs }: Timing): Promise<void> {
  const sql = `UPDATE jobs SET wake_at = MIN(${NOW} + ${ringCheckMs}, COALESCE(expires_at, ${NOW} + ${ringCheckMs}))
    WHERE (project_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?1)) AND state = 'pending' AND pool IS NULL
      AND run_at <= ${NOW} AND wake_at > ${NOW} + ${LAST_RING_CHECK_MS}`;
  await ask(db.prepare(sql).bind(pairs(keys)).run());
}

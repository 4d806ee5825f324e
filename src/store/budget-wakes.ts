// When the jobs that wait for a budget are looked at again: its `wake_at`, and how far they have been rung.
//
// `position` is NULL while a budget is used up, or nothing waits for it. A budget that is found to be used up while its jobs
// are being rung loses its position: it begins anew when there is room again.

import type { BudgetKey } from "../core/budget";
import { LAST_RING_CHECK_MS, LINE_CHECK_MS } from "../core/limits";
import { DAY_END, IN_BUDGET, IS_SPENT, IS_USED_UP, SPENDS } from "./budgets";
import { ask, type JobKey, NOW, pairs } from "./db";

/** Runs under way fill it: one of them may end at any time. */
const RESERVED_MS = 30_000;

/** Between two looks at one that has room. */
export const NEXT_SLICE_MS = 5_000;

/** How long whoever rings its jobs is left alone before the clock goes on. */
const HELD_MS = 30_000;

/** Of a row `b` that is used up: when there may be room again. A month, too, ends at the end of a day. */
const NEXT_LOOK = `CASE WHEN ${IS_SPENT} THEN ${DAY_END} ELSE ${NOW} + ${RESERVED_MS} END`;

/** `position`: the id after which its jobs are to be rung; null: it is used up. */
export type HeldBudget = BudgetKey & { position: string | null };

/** Those whose time has come. Those with room are held for the caller, the others put off. */
export async function holdDueBudgets(db: D1Database, limit: number): Promise<HeldBudget[]> {
  const sql = `UPDATE budgets AS b SET
      wake_at = CASE WHEN ${IS_USED_UP} THEN ${NEXT_LOOK} ELSE ${NOW} + ${HELD_MS} END,
      position = CASE WHEN NOT COALESCE(${IS_USED_UP}, 0) THEN COALESCE(position, '') END
    WHERE (project_id, key_id) IN (SELECT project_id, key_id FROM budgets
      WHERE wake_at IS NOT NULL AND wake_at <= ${NOW} ORDER BY wake_at LIMIT ?1)
    RETURNING project_id, key_id, position`;
  type Row = { project_id: string; key_id: string; position: string | null };
  const { results } = await ask(db.prepare(sql).bind(limit).all<Row>());
  return results.map((row) => ({
    projectId: row.project_id,
    keyId: row.key_id || null,
    position: row.position,
  }));
}

/** `position` null: nothing waits for it any more. A budget without limits goes then. */
export async function saveRung(
  db: D1Database,
  { projectId, keyId }: BudgetKey,
  position: string | null,
): Promise<void> {
  const save = `UPDATE budgets SET position = ?3, wake_at = CASE WHEN ?3 IS NOT NULL THEN ${NOW} + ${NEXT_SLICE_MS} END
    WHERE project_id = ?1 AND key_id = ?2 AND position IS NOT NULL`;
  const drop = `DELETE FROM budgets WHERE project_id = ?1 AND key_id = ?2 AND wake_at IS NULL
    AND COALESCE(jobs_per_minute, tokens_per_day, nano_usd_per_day, nano_usd_per_month) IS NULL`;
  const key = [projectId, keyId ?? ""];
  await ask(db.batch([db.prepare(save).bind(...key, position), db.prepare(drop).bind(...key)]));
}

/** Milliseconds until the clock must look at one; null: nothing waits for any. */
export async function untilNextBudgetMs(db: D1Database): Promise<number | null> {
  const sql = `SELECT MIN(wake_at) - ${NOW} AS ms FROM budgets WHERE wake_at IS NOT NULL`;
  const row = await ask(db.prepare(sql).first<{ ms: number | null }>());
  return row?.ms ?? null;
}

/**
 * These jobs wait for these budgets: the budgets are looked at when there may be room again, and the jobs rest until they are
 * rung then, where otherwise the clock would ring each of them every 15 minutes. In one transaction, so that no job rests
 * whose budget nobody will look at. Returns in how many milliseconds the first of them must be looked at; null: that is
 * known already.
 */
export async function waitForBudgets(
  db: D1Database,
  budgets: BudgetKey[],
  jobs: JobKey[],
): Promise<number | null> {
  const look = `UPDATE budgets AS b SET wake_at = ${NEXT_LOOK}, position = NULL
    WHERE (project_id, key_id) IN (SELECT value->>0, value->>1 FROM json_each(?1))
      AND (wake_at IS NULL OR position IS NOT NULL) AND ${IS_USED_UP}
    RETURNING wake_at - ${NOW} AS ms`;
  // A job in line at a gate rests already.
  const rest = `UPDATE jobs SET wake_at = MIN(${NOW} + ${LINE_CHECK_MS}, COALESCE(expires_at, ${NOW} + ${LINE_CHECK_MS}))
    WHERE (project_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?1)) AND state = 'pending' AND pool IS NULL
      AND run_at <= ${NOW} AND wake_at <= ${NOW} + ${LAST_RING_CHECK_MS} AND NOT ${IN_BUDGET}`;
  const keys = JSON.stringify(budgets.map(({ projectId, keyId }) => [projectId, keyId ?? ""]));
  const statements = [db.prepare(look).bind(keys), db.prepare(rest).bind(pairs(jobs))];
  const [looked] = await ask(db.batch<{ ms: number }>(statements));
  return soonest(looked?.results ?? []);
}

/**
 * A doorbell could not start a job of these projects, and now nothing is in its way any more: their budgets are looked at
 * soon, from the first job on. Returns as waitForBudgets.
 */
export async function lookSoon(db: D1Database, projectIds: string[]): Promise<number | null> {
  const sql = `UPDATE budgets SET position = '', wake_at = MIN(COALESCE(wake_at, ${NOW} + ${NEXT_SLICE_MS}), ${NOW} + ${NEXT_SLICE_MS})
    WHERE project_id IN (SELECT value FROM json_each(?1)) AND ${SPENDS}
      AND (wake_at IS NULL OR wake_at > ${NOW} + ${NEXT_SLICE_MS} OR position IS NOT '')
    RETURNING wake_at - ${NOW} AS ms`;
  const { results } = await ask(db.prepare(sql).bind(JSON.stringify(projectIds)).all<{ ms: number }>());
  return soonest(results);
}

function soonest(rows: { ms: number }[]): number | null {
  return rows.length === 0 ? null : Math.min(...rows.map(({ ms }) => ms));
}

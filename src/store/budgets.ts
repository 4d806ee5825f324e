// Budgets: what a project, or one of its keys, may use in a day or month. Spent is what the ledger says; reserved is what
// runs under way may still use. Both are counted from rows that others write anyway, so that nothing can get lost.

import type { Budget, BudgetKey, BudgetLimits } from "../core/budget";
import { ask, NOW } from "./db";

const NANO = 1e9;

/** Of a row of `budgets`: it is spent by running. */
export const SPENDS = "COALESCE(tokens_per_day, nano_usd_per_day, nano_usd_per_month) IS NOT NULL";

/** Of a row of `jobs`: its project has a budget that is spent by running. */
export const HAS_BUDGET = `EXISTS (SELECT 1 FROM budgets WHERE project_id = jobs.project_id AND ${SPENDS})`;

const TODAY = "= date('now')";

// Named one by one, so that the lines of tags, which lie between them, are not looked at.
const DAYS = JSON.stringify(Array.from({ length: 31 }, (_, i) => String(i + 1).padStart(2, "0")));
const THIS_MONTH = `IN (SELECT strftime('%Y-%m-', 'now') || value FROM json_each('${DAYS}'))`;

function spent(sum: string, days: string): string {
  return `(SELECT COALESCE(SUM(${sum}), 0) FROM usage_days AS u WHERE u.project_id = b.project_id AND u.day ${days}
    AND u.tag = '' AND b.key_id IN ('', u.key_id))`;
}

function reserved(column: string): string {
  return `(SELECT COALESCE(SUM(r.${column}), 0) FROM jobs AS r INDEXED BY jobs_reserved WHERE r.project_id = b.project_id
    AND r.reserved = 1 AND r.state = 'running' AND b.key_id IN ('', r.key_id))`;
}

const TOKENS_TODAY = spent("input_tokens + output_tokens", TODAY);
const NANO_USD_TODAY = spent("cost_nano_usd", TODAY);
const NANO_USD_THIS_MONTH = spent("cost_nano_usd", THIS_MONTH);
const RESERVED_TOKENS = reserved("reserve_tokens");
const RESERVED_NANO_USD = reserved("reserve_nano_usd");

/** Of a row `b` of `budgets`: there is no room. A run may begin while there is any, so that at most one reservation is overspent. */
export const IS_USED_UP = `(${TOKENS_TODAY} + ${RESERVED_TOKENS} >= b.tokens_per_day
  OR ${NANO_USD_TODAY} + ${RESERVED_NANO_USD} >= b.nano_usd_per_day
  OR ${NANO_USD_THIS_MONTH} + ${RESERVED_NANO_USD} >= b.nano_usd_per_month)`;

/** The same without what is reserved, so that only time helps. */
export const IS_SPENT = `(${TOKENS_TODAY} >= b.tokens_per_day OR ${NANO_USD_TODAY} >= b.nano_usd_per_day
  OR ${NANO_USD_THIS_MONTH} >= b.nano_usd_per_month)`;

/** Of a row of `jobs`: none of the budgets that it counts against is used up. */
export const IN_BUDGET = `NOT EXISTS (SELECT 1 FROM budgets AS b
  WHERE b.project_id = jobs.project_id AND b.key_id IN ('', jobs.key_id) AND ${IS_USED_UP})`;

/** When a day or month of UTC ends. */
export const DAY_END = "(unixepoch('now', 'start of day', '+1 day') * 1000)";
const MONTH_END = "(unixepoch('now', 'start of month', '+1 month') * 1000)";

/** Of a row `b` of `budgets`: what makes a Budget. */
export const BUDGET_COLUMNS = `b.project_id, b.key_id, b.jobs_per_minute, b.tokens_per_day, b.nano_usd_per_day,
  b.nano_usd_per_month, ${TOKENS_TODAY} AS tokens_today, ${NANO_USD_TODAY} AS nano_usd_today,
  ${NANO_USD_THIS_MONTH} AS nano_usd_this_month, ${RESERVED_TOKENS} AS reserved_tokens,
  ${RESERVED_NANO_USD} AS reserved_nano_usd, ${DAY_END} AS day_end, ${MONTH_END} AS month_end`;

export type BudgetRow = {
  project_id: string;
  key_id: string;
  jobs_per_minute: number | null;
  tokens_per_day: number | null;
  nano_usd_per_day: number | null;
  nano_usd_per_month: number | null;
  tokens_today: number;
  nano_usd_today: number;
  nano_usd_this_month: number;
  reserved_tokens: number;
  reserved_nano_usd: number;
  day_end: number;
  month_end: number;
};

const HAS_LIMIT =
  "COALESCE(jobs_per_minute, tokens_per_day, nano_usd_per_day, nano_usd_per_month) IS NOT NULL";

/** That of the project first, then those of its keys. */
export async function listBudgets(db: D1Database, projectId: string): Promise<Budget[]> {
  const sql = `SELECT ${BUDGET_COLUMNS} FROM budgets AS b WHERE b.project_id = ?1 AND ${HAS_LIMIT} ORDER BY b.key_id`;
  const { results } = await ask(db.prepare(sql).bind(projectId).all<BudgetRow>());
  return results.map(toBudget);
}

export async function getBudget(db: D1Database, { projectId, keyId }: BudgetKey): Promise<Budget | null> {
  const sql = `SELECT ${BUDGET_COLUMNS} FROM budgets AS b WHERE b.project_id = ?1 AND b.key_id = ?2 AND ${HAS_LIMIT}`;
  const row = await ask(
    db
      .prepare(sql)
      .bind(projectId, keyId ?? "")
      .first<BudgetRow>(),
  );
  return row && toBudget(row);
}

/**
 * Sets all limits, and has the clock ring what waits for them. What runs already is counted from now on. False: there is no
 * such project, or no such key of it.
 */
export async function setBudget(db: D1Database, key: BudgetKey, limits: BudgetLimits): Promise<boolean> {
  const { tokens_per_day, usd_per_day, usd_per_month } = limits.spending;
  const sql = `INSERT INTO budgets
      (project_id, key_id, jobs_per_minute, tokens_per_day, nano_usd_per_day, nano_usd_per_month, wake_at, position)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ${NOW}, '' WHERE EXISTS (SELECT 1 FROM projects WHERE id = ?1 AND deleted_at IS NULL)
      AND (?2 = '' OR EXISTS (SELECT 1 FROM api_keys WHERE project_id = ?1 AND id = ?2))
    ON CONFLICT DO UPDATE SET jobs_per_minute = ?3, tokens_per_day = ?4, nano_usd_per_day = ?5, nano_usd_per_month = ?6,
      wake_at = ${NOW}, position = '' RETURNING key_id`;
  const binds = [limits.jobsPerMinute, tokens_per_day, toNano(usd_per_day), toNano(usd_per_month)];
  const set = db.prepare(sql).bind(key.projectId, key.keyId ?? "", ...binds);
  const [written] = await ask(db.batch([set, countRunning(db, key.projectId)]));
  return written?.results.length === 1;
}

function countRunning(db: D1Database, projectId: string): D1PreparedStatement {
  const sql = `UPDATE jobs INDEXED BY jobs_to_wake SET reserved = 1 WHERE wake_at IS NOT NULL AND project_id = ?1
    AND state = 'running' AND reserved IS NULL AND ${HAS_BUDGET}`;
  return db.prepare(sql).bind(projectId);
}

/**
 * Takes all limits away, and has the clock ring what waits for them; the row goes when that is done. False: there was no
 * such budget.
 */
export async function removeBudget(db: D1Database, { projectId, keyId }: BudgetKey): Promise<boolean> {
  const sql = `UPDATE budgets SET jobs_per_minute = NULL, tokens_per_day = NULL, nano_usd_per_day = NULL,
      nano_usd_per_month = NULL, wake_at = ${NOW}, position = ''
    WHERE project_id = ?1 AND key_id = ?2 AND ${HAS_LIMIT} RETURNING key_id`;
  return (
    (await ask(
      db
        .prepare(sql)
        .bind(projectId, keyId ?? "")
        .first(),
    )) !== null
  );
}

/** What a submit is held against: limits of jobs a minute, and whether dollars are counted. */
export type SubmitQuota = { keyId: string | null; jobsPerMinute: number | null; countsUsd: boolean };

export async function listQuotas(db: D1Database, projectId: string): Promise<SubmitQuota[]> {
  const sql = `SELECT key_id, jobs_per_minute, COALESCE(nano_usd_per_day, nano_usd_per_month) IS NOT NULL AS usd
    FROM budgets WHERE project_id = ?1`;
  type Row = { key_id: string; jobs_per_minute: number | null; usd: number };
  const { results } = await ask(db.prepare(sql).bind(projectId).all<Row>());
  return results.map((row) => ({
    keyId: row.key_id || null,
    jobsPerMinute: row.jobs_per_minute,
    countsUsd: row.usd === 1,
  }));
}

export function toBudget(row: BudgetRow): Budget {
  const { reserved_tokens, day_end, month_end } = row;
  const usd = row.reserved_nano_usd / NANO;
  return {
    projectId: row.project_id,
    keyId: row.key_id || null,
    jobsPerMinute: row.jobs_per_minute,
    spending: {
      tokens_per_day: {
        limit: row.tokens_per_day,
        spent: row.tokens_today,
        reserved: reserved_tokens,
        resetsAt: day_end,
      },
      usd_per_day: {
        limit: fromNano(row.nano_usd_per_day),
        spent: row.nano_usd_today / NANO,
        reserved: usd,
        resetsAt: day_end,
      },
      usd_per_month: {
        limit: fromNano(row.nano_usd_per_month),
        spent: row.nano_usd_this_month / NANO,
        reserved: usd,
        resetsAt: month_end,
      },
    },
  };
}

function toNano(usd: number | null): number | null {
  return usd === null ? null : Math.round(usd * NANO);
}

function fromNano(nano: number | null): number | null {
  return nano === null ? null : nano / NANO;
}

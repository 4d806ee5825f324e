// Budgets: what a project, or one of its keys, may use in a day or month. Spent is what the ledger says; reserved is what
// runs under way may still use. Both are counted from rows that others write anyway, so that nothing can get lost.

import { NOW } from "./db";

/** Of a row of `jobs`: its project has a budget that is spent by running. */
export const HAS_BUDGET = `EXISTS (SELECT 1 FROM budgets WHERE project_id = jobs.project_id
  AND COALESCE(tokens_per_day, nano_usd_per_day, nano_usd_per_month) IS NOT NULL)`;

const DAY = `strftime('%Y-%m-%d', ${NOW} / 1000, 'unixepoch')`;
const MONTH = `strftime('%Y-%m-01', ${NOW} / 1000, 'unixepoch')`;

function spent(sum: string, since: string): string {
  return `(SELECT COALESCE(SUM(${sum}), 0) FROM usage_days AS u WHERE u.project_id = b.project_id AND u.day >= ${since}
    AND u.tag = '' AND b.key_id IN ('', u.key_id))`;
}

function reserved(column: string): string {
  return `(SELECT COALESCE(SUM(r.${column}), 0) FROM jobs AS r INDEXED BY jobs_reserved WHERE r.project_id = b.project_id
    AND r.reserved = 1 AND r.state = 'running' AND b.key_id IN ('', r.key_id))`;
}

/** Of a row `b` of `budgets`: the sums that its limits are compared with. */
export const TOKENS_TODAY = `(${spent("input_tokens + output_tokens", DAY)} + ${reserved("reserve_tokens")})`;
export const NANO_USD_TODAY = `(${spent("cost_nano_usd", DAY)} + ${reserved("reserve_nano_usd")})`;
export const NANO_USD_THIS_MONTH = `(${spent("cost_nano_usd", MONTH)} + ${reserved("reserve_nano_usd")})`;

/** Of a row `b` of `budgets`: there is no room. A run may begin while there is any, so that at most one reservation is overspent. */
export const IS_USED_UP = `(${TOKENS_TODAY} >= b.tokens_per_day OR ${NANO_USD_TODAY} >= b.nano_usd_per_day
  OR ${NANO_USD_THIS_MONTH} >= b.nano_usd_per_month)`;

/** Of a row of `jobs`: none of the budgets that it counts against is used up. */
export const IN_BUDGET = `NOT EXISTS (SELECT 1 FROM budgets AS b
  WHERE b.project_id = jobs.project_id AND b.key_id IN ('', jobs.key_id) AND ${IS_USED_UP})`;

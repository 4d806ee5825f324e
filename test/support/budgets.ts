// Budgets as tests need them: set with a word, looked at as the code counts them, and time that passes for them.

import { env } from "cloudflare:workers";
import type { Budget, BudgetKey, SpendingName } from "../../src/core/budget";
import { getBudget, setBudget } from "../../src/store/budgets";
import { PROJECT } from "./factory";

const whole: BudgetKey = { projectId: PROJECT, keyId: null };

type Limits = Partial<Record<SpendingName, number>> & { jobsPerMinute?: number };

export async function limitTo({ jobsPerMinute, ...limits }: Limits, key = whole): Promise<void> {
  const none = { tokens_per_day: null, usd_per_day: null, usd_per_month: null };
  const isSet = await setBudget(env.DB, key, {
    jobsPerMinute: jobsPerMinute ?? null,
    spending: { ...none, ...limits },
  });
  if (!isSet) throw new Error(`no project or key ${JSON.stringify(key)}`);
}

export async function theBudget(key = whole): Promise<Budget> {
  const budget = await getBudget(env.DB, key);
  if (!budget) throw new Error(`no budget of ${JSON.stringify(key)}`);
  return budget;
}

/** What the clock knows of it. */
export async function theWake(
  key = whole,
): Promise<{ wake_at: number | null; position: string | null } | null> {
  const sql = "SELECT wake_at, position FROM budgets WHERE project_id = ?1 AND key_id = ?2";
  return env.DB.prepare(sql)
    .bind(key.projectId, key.keyId ?? "")
    .first();
}

/** The clock must look at every budget that something waits for. */
export async function wakeAll(): Promise<void> {
  await env.DB.exec("UPDATE budgets SET wake_at = 1000 WHERE wake_at IS NOT NULL");
}

let turns = 0;

/** What was used today, was used on another day: of this month, or of one before. A day that no turn has used yet. */
export async function turn(period: "day" | "month"): Promise<void> {
  turns += 1;
  const today = new Date().toISOString().slice(0, 10);
  const others = Array.from(
    { length: 28 },
    (_, i) => `${today.slice(0, 8)}${String(i + 1).padStart(2, "0")}`,
  );
  const days = others.filter((day) => day !== today);
  if (period === "day") await move("day = ?2", "?1", days[turns % days.length] ?? "", today);
  else await move("day LIKE substr(?2, 1, 8) || '%'", "?1 || substr(day, 5)", String(1_999 - turns), today);
  await wakeAll();
}

async function move(where: string, to: string, other: string, today: string): Promise<void> {
  await env.DB.prepare(`UPDATE usage_days SET day = ${to} WHERE ${where}`).bind(other, today).run();
}

/** Nothing was ever used, and there are no budgets and jobs. */
export async function clearBudgets(): Promise<void> {
  for (const table of ["budgets", "usage_days", "ledger", "jobs"]) await env.DB.exec(`DELETE FROM ${table}`);
}

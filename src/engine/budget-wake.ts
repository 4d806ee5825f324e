// Rings the jobs that wait for a budget once there is room: a day or month is over, a limit was raised, a run has ended.

import { type Budget, roomIn } from "../core/budget";
import type { Deps } from "../deps";
import { errorField } from "../log";
import { type HeldBudget, holdDueBudgets, saveRung, untilNextBudgetMs } from "../store/budget-wakes";
import { getBudget } from "../store/budgets";
import type { Room } from "../store/waiting";
import { armClock, armClockFor } from "./arm-clock";
import { resume } from "./resume";

const BUDGETS_PER_PASS = 10;

/** Between passes that left something undone. */
const BREATH_MS = 1_000;

/** One slice of each budget whose time has come. */
export async function wakeBudgets(deps: Deps): Promise<{ looked: number; nextInMs: number | null }> {
  const held = await holdDueBudgets(deps.db, BUDGETS_PER_PASS);
  for (const budget of held) if (budget.position !== null) await ringSlice(deps, budget, budget.position);
  const nextInMs = await untilNextBudgetMs(deps.db);
  return { looked: held.length, nextInMs: nextInMs === null ? null : Math.max(nextInMs, BREATH_MS) };
}

/** At once, for a budget that was changed. Never throws: the clock goes on with what is left. */
export async function wakeBudgetsNow(deps: Deps): Promise<void> {
  try {
    await armClock(deps);
    const { nextInMs } = await wakeBudgets(deps);
    if (nextInMs !== null) await armClockFor(deps, nextInMs);
  } catch (error) {
    deps.log("budgets_not_woken", { error: errorField(error) });
  }
}

async function ringSlice(deps: Deps, key: HeldBudget, position: string): Promise<void> {
  const { projectId, keyId } = key;
  const room = roomOf(await getBudget(deps.db, key));
  const { rung, next } = await resume(deps, { projectId, keyId: keyId ?? undefined }, position, room);
  deps.log("budget_slice", { project: projectId, key: keyId, rung });
  // To be gone on with soon: jobs use less than was reserved for them, so that there is room for more as these end.
  await saveRung(deps.db, key, next);
}

/** One that was removed has no bounds. */
function roomOf(budget: Budget | null): Room {
  return budget ? roomIn(budget) : { tokens: null, usd: null };
}

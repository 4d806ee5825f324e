// Rings the jobs that wait for a budget once there is room: a day or month is over, a limit was raised, a run has ended.

import { type Budget, roomIn } from "../core/budget";
import type { Deps } from "../deps";
import { errorField } from "../log";
import { type HeldBudget, holdDueBudgets, saveRung, untilNextBudgetMs } from "../store/budget-wakes";
import { getBudget } from "../store/budgets";
import { endRest, findWaiting, type Room } from "../store/waiting";
import { armClock, armClockFor } from "./arm-clock";
import { ring } from "./ring";

const BUDGETS_PER_PASS = 10;

/** Jobs of a slice. */
const SLICE = 1_000;

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

/** Of what there is room for, the oldest first. A doorbell too many is answered with the job's staying pending. */
async function ringSlice(deps: Deps, key: HeldBudget, position: string): Promise<void> {
  const { projectId, keyId } = key;
  const room = roomOf(await getBudget(deps.db, key));
  const jobs = await findWaiting(deps.db, key, { after: position, limit: SLICE, room });
  if (jobs.length > 0) {
    await endRest(deps.db, jobs, deps.config.timing);
    await ring(deps, jobs);
  }
  deps.log("budget_slice", { project: projectId, key: keyId, rung: jobs.length });
  // To be gone on with soon: jobs use less than was reserved for them, so that there is room for more as these end.
  await saveRung(deps.db, key, jobs.at(-1)?.id ?? null);
}

/** One that was removed has no bounds. */
function roomOf(budget: Budget | null): Room {
  return budget ? roomIn(budget) : { tokens: null, usd: null };
}

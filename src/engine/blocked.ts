// What becomes of due jobs whose doorbell could not start them: those that wait for a budget are woken when it has room,
// those that do not want to wait for it fail.

import { tellUsedUp } from "../core/budget";
import { ERRORS } from "../core/errors";
import { moveEvent } from "../core/events";
import { fingerprintOf } from "../core/fingerprint";
import { isErased } from "../core/job";
import type { Deps } from "../deps";
import { errorField } from "../log";
import { type Block, findBlocks } from "../store/blocks";
import { lookSoon, waitForBudgets } from "../store/budget-wakes";
import type { JobKey } from "../store/db";
import { type Refusal, refuseJobs } from "../store/moves";
import { afterEnd } from "./after-end";
import { announce } from "./announce";
import { armClockFor } from "./arm-clock";
import { endLogs } from "./end-log";

type BudgetBlock = Extract<Block, { by: "budget" }>;

/** Returns what is in their way. Never throws: the clock rings them again in any case. */
export async function noteBlocked(deps: Deps, keys: JobKey[]): Promise<Block[]> {
  try {
    if (keys.length === 0) return [];
    const blocks = await findBlocks(deps.db, keys);
    const overBudget = blocks.filter((block) => block.by === "budget");
    await refuse(
      deps,
      overBudget.filter(({ onBudget }) => onBudget === "fail"),
    );
    await wait(
      deps,
      overBudget.filter(({ onBudget }) => onBudget === "wait"),
    );
    const blocked = new Set(blocks.map(({ id }) => id));
    await goOn(
      deps,
      keys.filter(({ id }) => !blocked.has(id)),
    );
    return blocks;
  } catch (error) {
    deps.log("blocked_not_noted", { jobs: keys.length, error: errorField(error) });
    return [];
  }
}

async function refuse(deps: Deps, blocks: BudgetBlock[]): Promise<void> {
  if (blocks.length === 0) return;
  // Several limits may be used up: one is told.
  const refusals = new Map(blocks.toReversed().map((block) => [block.id, refusalOf(block)]));
  const refused = await refuseJobs(deps.db, [...refusals.values()]);
  // It may have been the one that was rung for a concurrency key.
  deps.background(afterEnd(deps, refused));
  const shown = refused.filter((job) => !isErased(job));
  await announce(
    deps,
    shown.map((job) => ({ job, event: moveEvent(job, deps.now()) })),
  );
  await endLogs(deps, shown);
}

function refusalOf(block: BudgetBlock): Refusal {
  const code = "budget_exceeded" as const;
  const error = { code, message: tellUsedUp(block), retryable: ERRORS[code].retryable };
  const stored = { json: JSON.stringify(error), fingerprint: fingerprintOf(block.task, error) };
  return { projectId: block.projectId, id: block.id, error: stored };
}

async function wait(deps: Deps, blocks: BudgetBlock[]): Promise<void> {
  if (blocks.length === 0) return;
  const inMs = await waitForBudgets(deps.db, blocks, blocks);
  if (inMs !== null) await armClockFor(deps, inMs);
}

/** What was in their way when they were to be claimed was a reservation that has been settled since. */
async function goOn(deps: Deps, keys: JobKey[]): Promise<void> {
  if (keys.length === 0) return;
  const inMs = await lookSoon(deps.db, [...new Set(keys.map(({ projectId }) => projectId))]);
  if (inMs !== null) await armClockFor(deps, inMs);
}

// Gives slots back that were not used: their jobs could not be claimed.

import type { Job } from "../core/job";
import type { Deps } from "../deps";
import type { Doorbell } from "../env";
import type { Block } from "../store/blocks";
import { callGate } from "./gates";

/** A concurrency key is likely to be free again soon, and whoever frees it rings. */
const KEY_HOLD_MS = 5_000;

/** Of a budget of one API key; where that of a whole project is used up, the gate reads none of its jobs. */
const BUDGET_HOLD_MS = 10_000;

/** `found`: their jobs as they stand; those that are missing are gone. A slot that stays is asked about when its time is over. */
export async function returnSlots(
  deps: Deps,
  bells: Doorbell[],
  found: Job[],
  blocks: Block[],
): Promise<void> {
  const running = new Set(found.filter((job) => job.state === "running").map((job) => job.id));
  // Another run has the slot of a job that runs.
  const unused = bells.filter((bell) => bell.gate !== undefined && !running.has(bell.id));
  const byPool = Map.groupBy(unused, ({ gate }) => gate?.pool ?? "");
  await Promise.all(
    [...byPool].map(([pool, ofPool]) => {
      const news = ofPool.map(({ id }) => ({ id, putBack: holdFor(deps.now(), id, blocks) }));
      return callGate(deps, pool, (gate) => gate.tell(pool, news));
    }),
  );
}

/** Null: the database knows whether and when it may start, and the gate reads it there. */
function holdFor(now: number, id: string, blocks: Block[]) {
  const own = blocks.filter((block) => block.id === id);
  if (own.some(({ by }) => by === "concurrency")) return { by: "key" as const, until: now + KEY_HOLD_MS };
  const isOverKeyBudget = own.some((block) => block.by === "budget" && block.keyId !== null);
  return isOverKeyBudget ? { by: "job" as const, until: now + BUDGET_HOLD_MS } : null;
}

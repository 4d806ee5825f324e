// Gives slots back that were not used: their jobs could not be claimed.

import type { Deps } from "../deps";
import type { Doorbell } from "../env";
import { errorField } from "../log";
import { lookAtSlots } from "../store/line";
import { callGate } from "./gates";

/** What forbids a job's start now may be over then. */
const HOLD_MS = 10_000;

/** Never throws: a slot that is not given back is asked about when its time is over. */
export async function returnSlots(deps: Deps, bells: Doorbell[]): Promise<void> {
  const gated = bells.filter((bell) => bell.gate !== undefined);
  if (gated.length === 0) return;
  try {
    const keys = gated.map(({ p, id }) => ({ projectId: p, id }));
    const states = new Map((await lookAtSlots(deps.db, keys)).map((state) => [state.id, state]));
    const until = deps.now() + HOLD_MS;
    for (const [pool, ofPool] of Map.groupBy(gated, ({ gate }) => gate?.pool ?? "")) {
      // Another run has the slot of a job that runs.
      const unused = ofPool.filter(({ id }) => !states.get(id)?.isRunning);
      const news = unused.map(({ id }) =>
        states.get(id)?.isWaiting ? { id, putBack: { by: "job" as const, until } } : { id, putBack: null },
      );
      if (news.length > 0) await callGate(deps, pool, (gate) => gate.tell(pool, news));
    }
  } catch (error) {
    deps.log("slots_not_returned", { jobs: gated.length, error: errorField(error) });
  }
}

// Has a run that is known to have died taken over at once, and not when its lease is over.

import type { Deps } from "../deps";
import { errorField } from "../log";
import type { JobKey } from "../store/db";
import { endLease } from "../store/jobs";
import { ring } from "./ring";

/** Repeatable. Never throws: the lease ends in any case. */
export async function giveUp(deps: Deps, key: JobKey, run: number): Promise<void> {
  try {
    const job = await endLease(deps.db, key, run);
    if (job) await ring(deps, [job]);
  } catch (error) {
    deps.log("run_not_given_up", { job: key.id, run, error: errorField(error) });
  }
}

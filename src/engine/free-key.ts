// Rings for those who wait for a concurrency key, once somebody does not hold it any more.

import type { Job } from "../core/job";
import type { Deps } from "../deps";
import { errorField } from "../log";
import { findKeyLines, type KeyLine } from "../store/concurrency";
import { ring } from "./ring";

/**
 * `left`: jobs whose run is over, or which have ended in line: somebody may have rung for them in vain. Never throws: whoever
 * is not rung for now is found by the clock.
 */
export async function freeKey(deps: Deps, left: Job[]): Promise<void> {
  const keys = new Map(
    left.flatMap(({ projectId, concurrency }) =>
      concurrency ? [[`${projectId}/${concurrency.key}`, { projectId, key: concurrency.key }]] : [],
    ),
  );
  if (keys.size === 0) return;
  try {
    const lines = await findKeyLines(deps.db, [...keys.values()]);
    await ring(deps, lines.flatMap(nextOf));
  } catch (error) {
    deps.log("key_not_freed", { keys: keys.size, error: errorField(error) });
  }
}

/** As many as there are free places: each job goes by its own limit. */
function nextOf({ running, waiting }: KeyLine): Job[] {
  const next: Job[] = [];
  for (const job of waiting) {
    if (running + next.length < (job.concurrency?.limit ?? 0)) next.push(job);
  }
  return next;
}

// Rings what waits although it is due, because what was in its way may be so no longer.

import type { Deps } from "../deps";
import { endRest, findWaiting, type Room, type Waiting } from "../store/waiting";
import { ring } from "./ring";

/** Jobs of a slice. */
const SLICE = 1_000;

const ANY: Room = { tokens: null, usd: null };

/** `next`: the id after which the next slice begins; null: nothing more waits. */
export type Resumed = { rung: number; next: string | null };

/** One slice, the oldest first, of what there is room for. A doorbell too many is answered with the job's staying pending. */
export async function resume(deps: Deps, target: Waiting, after = "", room: Room = ANY): Promise<Resumed> {
  const jobs = await findWaiting(deps.db, target, { after, limit: SLICE, room });
  if (jobs.length === 0) return { rung: 0, next: null };
  await endRest(deps.db, jobs, deps.config.timing);
  await ring(deps, jobs);
  return { rung: jobs.length, next: jobs.at(-1)?.id ?? null };
}

// Sends jobs on whose pool is down, to the next place on their route. Uses no attempt.

import type { Deps } from "../deps";
import type { Doorbell } from "../env";
import { errorField } from "../log";
import { getJobs } from "../store/jobs";
import { rerouteJobs } from "../store/moves";
import { detour } from "./place-of";
import { ring } from "./ring";

/** Never throws: those that stay are pending where they are, and their gate rings again. */
export async function takeDetours(deps: Deps, bells: Doorbell[]): Promise<void> {
  if (bells.length === 0) return;
  try {
    const keys = bells.map(({ p, id }) => ({ projectId: p, id }));
    const reroutes = (await getJobs(deps.db, keys)).flatMap((job) => {
      const place = detour(deps.config.catalogue, job);
      return place ? [{ projectId: job.projectId, id: job.id, from: job.pool, place }] : [];
    });
    if (reroutes.length === 0) return;
    const moved = await rerouteJobs(deps.db, reroutes, deps.config.timing);
    deps.log("rerouted", { jobs: moved.length });
    await ring(deps, moved);
  } catch (error) {
    deps.log("detours_not_taken", { jobs: bells.length, error: errorField(error) });
  }
}

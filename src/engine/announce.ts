// Tells listeners what happened. News is a hint: when a hub does not answer in three tries, the job goes on without it.

import type { JobEvent } from "../core/events";
import { hubName } from "../core/hubs";
import type { Job } from "../core/job";
import type { Deps } from "../deps";
import { errorField } from "../log";

/** An event and the job it is about, which says which hub it goes to. */
export type News = { job: Pick<Job, "projectId" | "channel" | "id">; event: JobEvent };

/** Waits before the second and the third try. */
const RETRY_DELAYS_MS = [500, 1_500];

/** One call per hub, whatever the number of events. Never throws. */
export async function announce(deps: Deps, news: News[]): Promise<void> {
  const byHub = Map.groupBy(news, ({ job }) => hubName(job.projectId, job.channel, job.id));
  await Promise.all(
    [...byHub].map(([hub, items]) =>
      publish(
        deps,
        hub,
        items.map((item) => item.event),
      ),
    ),
  );
}

async function publish(deps: Deps, hub: string, events: JobEvent[]): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await deps.hubs.getByName(hub).publish(events);
    } catch (error) {
      const delayMs = RETRY_DELAYS_MS[attempt];
      if (delayMs === undefined) return deps.log("announce_failed", { hub, error: errorField(error) });
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
  }
}

// Tells listeners what happened. News is a hint: when a hub does not answer in three tries, the job goes on without it.

import type { JobEvent } from "../core/events";
import { hubName } from "../core/hubs";
import type { Job } from "../core/job";
import type { Deps } from "../deps";
import { insist } from "./insist";
import { toldOf } from "./told";

/** An event and the job it is about, which says which hub it goes to. */
export type News = { job: Pick<Job, "projectId" | "channel" | "id" | "parentId">; event: JobEvent };

/** One call per hub, whatever the number of events. Never throws. */
export async function announce(deps: Deps, news: News[]): Promise<void> {
  const byHub = Map.groupBy(news, ({ job }) => hubName(job.projectId, job.channel, job.parentId ?? job.id));
  await Promise.all(
    [...byHub].map(([hub, items]) =>
      publish(
        deps,
        hub,
        items.map((item) => toldOf(deps, item.event)),
      ),
    ),
  );
}

function publish(deps: Deps, hub: string, events: JobEvent[]): Promise<void> {
  return insist(deps, "announce_failed", { hub }, () => deps.hubs.getByName(hub).publish(events));
}

// Tells listeners what happened. News is a hint: when a hub does not answer in three tries, the job goes on without it.

import { ERRORS, type ErrorCode } from "../core/errors";
import { isEnd, isLive, type JobEvent } from "../core/events";
import { hubName } from "../core/hubs";
import type { Job } from "../core/job";
import type { Deps } from "../deps";
import { endLog } from "./end-log";
import { insist } from "./insist";

/** An event and the job it is about, which says which hub it goes to. `ofRun`: the run tells the job's stream itself. */
export type News = { job: About; event: JobEvent; ofRun?: boolean };
type About = Pick<Job, "projectId" | "channel" | "id" | "stream" | "run">;

/** One call per hub, whatever the number of events. Never throws. */
export async function announce(deps: Deps, news: News[]): Promise<void> {
  const ends = news.flatMap(({ job, event, ofRun }) => {
    return job.stream && !ofRun && !isLive(event) && isEnd(event) ? [endLog(deps, job, event)] : [];
  });
  const byHub = Map.groupBy(news, ({ job }) => hubName(job.projectId, job.channel, job.id));
  await Promise.all([
    ...ends,
    ...[...byHub].map(([hub, items]) =>
      publish(
        deps,
        hub,
        items.map((item) => (deps.vault.seals ? withoutWords(item.event) : item.event)),
      ),
    ),
  ]);
}

/**
 * Hubs store what they tell. An error's message may quote a prompt, so where things are sealed they tell the words of the
 * table instead; the job itself has the message.
 */
function withoutWords(event: JobEvent): JobEvent {
  if (!("error" in event) || event.error === null) return event;
  const { code, retryable } = event.error;
  const message = code in ERRORS ? ERRORS[code as ErrorCode].message : code;
  return { ...event, error: { code, message, retryable } };
}

function publish(deps: Deps, hub: string, events: JobEvent[]): Promise<void> {
  return insist(deps, "announce_failed", { hub }, () => deps.hubs.getByName(hub).publish(events));
}

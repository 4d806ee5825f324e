// Tells listeners what happened. News is a hint: when a hub does not answer in three tries, the job goes on without it.

import { ERRORS, type ErrorCode } from "../core/errors";
import type { JobEvent } from "../core/events";
import { hubName } from "../core/hubs";
import type { Job } from "../core/job";
import type { Deps } from "../deps";
import { errorField } from "../log";
import { within } from "../store/within";

/** An event and the job it is about, which says which hub it goes to. */
export type News = { job: Pick<Job, "projectId" | "channel" | "id">; event: JobEvent };

/** Waits before the second and the third try. */
const RETRY_DELAYS_MS = [500, 1_500];

/** Of each try. */
const PATIENCE_MS = 1_500;

/** One call per hub, whatever the number of events. Never throws. */
export async function announce(deps: Deps, news: News[]): Promise<void> {
  const byHub = Map.groupBy(news, ({ job }) => hubName(job.projectId, job.channel, job.id));
  await Promise.all(
    [...byHub].map(([hub, items]) =>
      publish(
        deps,
        hub,
        items.map((item) => (deps.vault.seals ? withoutWords(item.event) : item.event)),
      ),
    ),
  );
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

async function publish(deps: Deps, hub: string, events: JobEvent[]): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      const told = deps.hubs.getByName(hub).publish(events);
      return await within(PATIENCE_MS, told, () => new Error("the hub does not answer"));
    } catch (error) {
      const delayMs = RETRY_DELAYS_MS[attempt];
      if (delayMs === undefined) return deps.log("announce_failed", { hub, error: errorField(error) });
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
  }
}

// News of all runs of a consumer invocation, on its way to the hubs: one call to a hub at a time.
//
// While a call is under way, news gathers and goes out with the next one. After progress it waits up to 100 ms for more,
// because a task may tell it as often as it likes; a state change ends the wait.

import type { JobEvent } from "../core/events";
import { hubName } from "../core/hubs";
import type { Deps } from "../deps";
import { announce, type News } from "./announce";

const PAUSE_MS = 100;

export type Outbox = {
  /** Resolves when the hub has it, or has been given up. */
  tell(job: News["job"], event: JobEvent): Promise<void>;
};

type Line = { news: News[]; sent: PromiseWithResolvers<void>; busy: boolean; wake(): void };

export function createOutbox(deps: Deps): Outbox {
  const lines = new Map<string, Line>();

  async function send(line: Line): Promise<void> {
    line.busy = true;
    while (line.news.length > 0) {
      const { news, sent } = line;
      line.news = [];
      line.sent = Promise.withResolvers();
      await announce(deps, news);
      sent.resolve();
      if (news.some(isProgress) && line.news.every(isProgress)) await pause(line);
    }
    line.busy = false;
  }

  return {
    tell(job, event) {
      const hub = hubName(job.projectId, job.channel, job.parentId ?? job.id);
      const line = lines.get(hub) ?? { news: [], sent: Promise.withResolvers(), busy: false, wake: () => {} };
      lines.set(hub, line);
      const one = { job, event };
      add(line, one);
      const { promise } = line.sent;
      if (!line.busy) void send(line);
      else if (!isProgress(one)) line.wake();
      return promise;
    },
  };
}

/** New progress replaces old, so that what waits stays small. */
function add(line: Line, one: News): void {
  if (isProgress(one)) {
    line.news = line.news.filter((other) => other.job.id !== one.job.id || !isProgress(other));
  }
  line.news.push(one);
}

function isProgress({ event }: News): boolean {
  return event.type === "job.progress";
}

function pause(line: Line): Promise<void> {
  return new Promise((resolve) => {
    line.wake = resolve;
    setTimeout(resolve, PAUSE_MS);
  });
}

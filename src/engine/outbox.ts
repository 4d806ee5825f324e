// News of all runs of a consumer invocation, on its way to the hubs: one call to a hub at a time.
//
// While a call is under way, news gathers and goes out with the next one. After text or progress it waits up to 100 ms
// for more, because a call for each token would cost more than the tokens; a state change ends the wait.

import { isLive, type JobEvent } from "../core/events";
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
      if (news.some(({ event }) => isLive(event)) && !hasMove(line)) await pause(line);
    }
    line.busy = false;
  }

  return {
    tell(job, event) {
      const hub = hubName(job.projectId, job.channel, job.id);
      const line = lines.get(hub) ?? { news: [], sent: Promise.withResolvers(), busy: false, wake: () => {} };
      lines.set(hub, line);
      add(line, { job, event });
      const { promise } = line.sent;
      if (!line.busy) void send(line);
      else if (!isLive(event)) line.wake();
      return promise;
    },
  };
}

/** Text is joined to the text before it, and new progress replaces old, so that what waits stays small. */
function add(line: Line, { job, event }: News): void {
  const last = line.news.findLast((one) => one.job.id === job.id)?.event;
  if (event.type === "job.delta" && last?.type === "job.delta") {
    last.text += event.text;
    return;
  }
  if (event.type === "job.progress") {
    line.news = line.news.filter((one) => one.job.id !== job.id || one.event.type !== "job.progress");
  }
  line.news.push({ job, event });
}

function hasMove(line: Line): boolean {
  return line.news.some(({ event }) => !isLive(event));
}

function pause(line: Line): Promise<void> {
  return new Promise((resolve) => {
    line.wake = resolve;
    setTimeout(resolve, PAUSE_MS);
  });
}

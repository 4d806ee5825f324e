// Where a reader reads: a stream of an app's own, or one that the runs of a job write.

import type { Job } from "../../core/job";
import { jobLogId } from "../../core/streams/job-log";
import { shardOf } from "../../core/streams/stream";
import type { Deps } from "../../deps";
import type { From, Read } from "../../durable/stream-log";
import { endingOf, endLogs, overdue } from "../../engine/end-log";
import { answerOf, callLog, streamAway } from "../../engine/stream-logs";
import { errorField } from "../../log";
import { getJob } from "../../store/jobs";
import { openedSource } from "./opened-source";

export type Source = {
  /** Throws `store_unavailable`. */
  read(from: From): Promise<Read>;
  /** A socket to its object, not yet accepted. Null: there is no such stream. Throws `store_unavailable`. */
  listen(from: From): Promise<WebSocket | null>;
  /** Now and then while a reader waits. Never throws. */
  lookAfter(): Promise<void>;
};

export function appSource(deps: Deps, id: string): Source {
  return {
    read: (from) => callLog(deps, id, (log) => log.read(id, from)),
    listen: (from) => listen(deps.streams.getByName(shardOf(id)), id, from),
    lookAfter: async () => {},
  };
}

/** Should nobody have told the end of the job, whoever reads does. */
export function logSource(deps: Deps, job: Job): Source {
  const id = jobLogId(job);
  const log = deps.jobLogs.getByName(shardOf(id));
  const end = overdue([job]).length > 0 ? endingOf(deps, job) : null;
  const source: Source = {
    read: (from) => answerOf(log.read(id, from, end) as unknown as Promise<Read>),
    listen: (from) => listen(log, id, from),
    async lookAfter() {
      try {
        const now = await getJob(deps.db, job);
        if (now) await endLogs(deps, overdue([now]));
      } catch (error) {
        deps.log("stream_not_looked_after", { job: job.id, error: errorField(error) });
      }
    },
  };
  return deps.vault.seals ? openedSource(deps.vault, job, source) : source;
}

async function listen(log: Fetcher, id: string, from: From): Promise<WebSocket | null> {
  const address = `https://log/?follow=${encodeURIComponent(JSON.stringify({ id, from }))}`;
  try {
    return (await log.fetch(address, { headers: { upgrade: "websocket" } })).webSocket;
  } catch (error) {
    throw streamAway(error);
  }
}

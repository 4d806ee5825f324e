// Ends the streams of jobs that no run ends: they were cancelled in time, have expired, or their run has died.

import { moveEvent } from "../core/events";
import type { Job } from "../core/job";
import { isFinal } from "../core/lifecycle";
import { closingMessage, jobLogId, type LogMessage } from "../core/streams/job-log";
import { shardOf } from "../core/streams/stream";
import type { Deps } from "../deps";
import { insist } from "./insist";
import { toldOf } from "./told";

/** A run that has ended its job has said its last words by then, or never will. */
const LEAVES_WITHIN_MS = 30_000;

/** By whoever has ended the jobs; what has not ended is left alone. Repeatable. Never throws. */
export async function endLogs(deps: Deps, jobs: Job[]): Promise<void> {
  const ended = jobs.filter((job) => job.stream && isFinal(job.state));
  await Promise.all(
    ended.map((job) => {
      const id = jobLogId(job);
      return insist(deps, "stream_not_ended", { job: job.id }, () =>
        deps.jobLogs.getByName(shardOf(id)).end(id, job.run, lastWord(deps, job)),
      );
    }),
  );
}

/** Those that ended so long ago that somebody else may tell it, should nobody have. */
export function overdue(jobs: Job[]): Job[] {
  return jobs.filter(
    ({ state, readAt, finishedAt }) =>
      isFinal(state) && finishedAt !== null && readAt - finishedAt > LEAVES_WITHIN_MS,
  );
}

export function lastWord(deps: Deps, job: Job): LogMessage {
  return closingMessage(toldOf(deps, moveEvent(job, deps.now())));
}

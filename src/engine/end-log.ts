// Ends the streams of jobs that no run ends: they were cancelled in time, have expired, or their run has died.

import { moveEvent } from "../core/events";
import type { Job } from "../core/job";
import { isFinal } from "../core/lifecycle";
import { closingMessage, jobLogId } from "../core/streams/job-log";
import { shardOf } from "../core/streams/stream";
import type { Deps } from "../deps";
import type { Ending } from "../durable/job-log";
import { insist } from "./insist";
import { toldOf } from "./told";

/** A run that has ended its job has said its last words by then, or never will. */
const LEAVES_WITHIN_MS = 30_000;

/** By whoever has ended the jobs; what has not ended is left alone. Repeatable. Never throws. */
export async function endLogs(deps: Deps, jobs: Job[]): Promise<void> {
  const ended = jobs.filter((job) => job.stream && isFinal(job.state));
  const byObject = Map.groupBy(ended, (job) => shardOf(jobLogId(job)));
  await Promise.all(
    [...byObject].map(([object, ofObject]) => {
      const endings = ofObject.map((job) => ({ id: jobLogId(job), ...endingOf(deps, job) }));
      return insist(deps, "streams_not_ended", { object }, () => deps.jobLogs.getByName(object).end(endings));
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

export function endingOf(deps: Deps, job: Job): Ending {
  return { run: job.run, last: closingMessage(toldOf(deps, moveEvent(job, deps.now()))) };
}

// Tells the streams of jobs what no run tells them: that a job was cancelled in time, has expired, or its run has died; and
// that one which had ended is run again.

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
  const ended = jobs.filter(({ state }) => isFinal(state));
  await tellObjects(deps, "streams_not_ended", ended, (log, ofObject) =>
    log.end(ofObject.map((job) => ({ id: jobLogId(job), ...endingOf(deps, job) }))),
  );
}

/** By whoever starts jobs over that had ended: readers wait for what comes. Never throws. */
export async function reopenLogs(deps: Deps, jobs: Job[]): Promise<void> {
  await tellObjects(deps, "streams_not_reopened", jobs, (log, ofObject) =>
    log.reopen(ofObject.map((job) => ({ id: jobLogId(job), run: job.run }))),
  );
}

type Log = ReturnType<Deps["jobLogs"]["getByName"]>;

/** One call to each object. */
async function tellObjects(
  deps: Deps,
  failure: string,
  jobs: Job[],
  tell: (log: Log, ofObject: Job[]) => Promise<void>,
): Promise<void> {
  const streamed = jobs.filter((job) => job.stream);
  const byObject = Map.groupBy(streamed, (job) => shardOf(jobLogId(job)));
  await Promise.all(
    [...byObject].map(([object, ofObject]) =>
      insist(deps, failure, { object }, () => tell(deps.jobLogs.getByName(object), ofObject)),
    ),
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

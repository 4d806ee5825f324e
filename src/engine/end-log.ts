// Ends the stream of a job that no run ends: it was cancelled in time, has expired, or its run has died.

import type { MoveEvent } from "../core/events";
import type { Job } from "../core/job";
import { closingMessage, jobLogId } from "../core/streams/job-log";
import { shardOf } from "../core/streams/stream";
import type { Deps } from "../deps";
import { insist } from "./insist";
import { toldOf } from "./told";

/** Repeatable: a stream that has ended stays as it is. Never throws. */
export function endLog(
  deps: Deps,
  job: Pick<Job, "projectId" | "id" | "run">,
  event: MoveEvent,
): Promise<void> {
  const id = jobLogId(job);
  return insist(deps, "stream_not_ended", { job: job.id }, () =>
    deps.jobLogs.getByName(shardOf(id)).end(id, job.run, closingMessage(toldOf(deps, event))),
  );
}

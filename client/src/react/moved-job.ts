// A job after an event: as far as the event tells.

import { isFinal, type Job } from "../wire.ts";
import type { JobEvent } from "../wire-frames.ts";

/** The same one if the event is old news, or does not change it. */
export function movedJob(job: Job, event: JobEvent): Job {
  if (event.type === "job.progress") {
    if (event.run !== job.run || isFinal(job.state)) return job;
    const { done, total, message } = event;
    return { ...job, progress: { done, total, message } };
  }
  if (event.version <= job.version) return job;
  const { state, reason, run, attempt, error, version, at } = event;
  const finished_at = isFinal(state) ? at : null;
  return { ...job, state, reason, run, attempt, error, version, finished_at };
}

/** What is known already stays unless this is newer. */
export function newerJob(known: Job | undefined, job: Job): Job {
  return known && known.version >= job.version ? known : job;
}

// What is known of the jobs that are watched, from snapshots and events.

import {
  isFinal,
  type Job,
  type JobError,
  type JobState,
  type PendingReason,
  type Progress,
} from "../wire.ts";
import type { Frame, MoveEvent, ProgressEvent } from "../wire-frames.ts";

export type Watched = {
  id: string;
  task: string | null;
  state: JobState;
  reason: PendingReason | null;
  run: number;
  attempt: number;
  progress: Progress | null;
  error: JobError | null;
  created_at: string;
  finished_at: string | null;
  version: number;
};

/** Of those that have ended the oldest are forgotten, for who watches a channel for days. */
const MOST_ENDED = 500;

export class JobBoard {
  private readonly known = new Map<string, Watched>();

  /** Open ones first, and among equals the newest first. */
  get jobs(): Watched[] {
    return [...this.known.values()].sort(
      (a, b) =>
        Number(isFinal(a.state)) - Number(isFinal(b.state)) ||
        b.created_at.localeCompare(a.created_at) ||
        b.id.localeCompare(a.id),
    );
  }

  get(id: string): Watched | undefined {
    return this.known.get(id);
  }

  /** The jobs that this frame has changed. */
  take(frame: Frame): Watched[] {
    if (frame.type === "snapshot") return snapshotJobs(frame).flatMap((job) => this.see(watchedOf(job)));
    if (frame.type === "job.progress") return this.seeProgress(frame);
    if (frame.type === "reset") return [];
    return this.seeMove(frame);
  }

  private see(job: Watched): Watched[] {
    const before = this.known.get(job.id);
    if (before && before.version > job.version) return [];
    if (before && JSON.stringify(before) === JSON.stringify(job)) return [];
    this.known.set(job.id, job);
    if (isFinal(job.state)) this.forget();
    return [job];
  }

  private seeMove(event: MoveEvent): Watched[] {
    const { job_id: id, task, state, reason, run, attempt, error, version, at } = event;
    const before = this.known.get(id);
    if (before && version <= before.version) return [];
    return this.see({
      id,
      task,
      state,
      reason,
      run,
      attempt,
      progress: before && before.run === run ? before.progress : null,
      error,
      created_at: before?.created_at ?? at,
      finished_at: isFinal(state) ? at : null,
      version,
    });
  }

  private seeProgress({ job_id: id, run, done, total, message }: ProgressEvent): Watched[] {
    const before = this.known.get(id);
    if (!before || isFinal(before.state) || run < before.run) return [];
    return this.see({ ...before, run, progress: { done, total, message } });
  }

  private forget(): void {
    const ended = this.jobs.filter(({ state }) => isFinal(state));
    for (const { id } of ended.slice(MOST_ENDED)) this.known.delete(id);
  }
}

function snapshotJobs(frame: Extract<Frame, { type: "snapshot" }>): Job[] {
  if ("jobs" in frame) return frame.jobs;
  return frame.job ? [frame.job] : [];
}

function watchedOf(job: Job): Watched {
  const { id, task, state, reason, run, attempt, progress, error, created_at, finished_at, version } = job;
  return { id, task, state, reason, run, attempt, progress, error, created_at, finished_at, version };
}

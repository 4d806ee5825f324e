// Tells news from what was told before: events may come twice, above all after coming back.

import { isFinal, type Job } from "./wire.ts";
import type { EventFrame, Frame } from "./wire-frames.ts";

/** `isOver`: this version has ended the job. */
type Known = { version: number; run: number; isOver: boolean };

/** A hub replays 1,000 changes at the most: of jobs that have not been heard of for longer nothing comes twice. */
const REMEMBERED_JOBS = 2_000;

export class Versions {
  private readonly jobs = new Map<string, Known>();
  /** Whether what was missed follows the next snapshot, so that the snapshot must not make old news of it. */
  private isReplayAhead: boolean;

  constructor(since: string | null) {
    this.isReplayAhead = since !== null;
  }

  /** Whether the frame is news. It counts as told from now on. */
  take(frame: Frame): boolean {
    if (frame.type === "reset") {
      this.isReplayAhead = false;
      return true;
    }
    if (frame.type !== "snapshot") return this.takeEvent(frame);
    const jobs = "jobs" in frame ? frame.jobs : frame.job ? [frame.job] : [];
    if (!this.isReplayAhead) for (const job of jobs) this.learn(job);
    this.isReplayAhead = true;
    return true;
  }

  private learn({ id, version, run, state }: Job): void {
    this.remember(id, { version, run, isOver: isFinal(state) });
  }

  private takeEvent(event: EventFrame): boolean {
    const { job_id: id, version, run } = event;
    const known = this.jobs.get(id) ?? { version: 0, run: 0, isOver: false };
    if (event.type === "job.progress") {
      // All of a run bear the version with which it began; those of a run that is over are old news.
      if (run < known.run || (run === known.run && known.isOver)) return false;
      if (run > known.run) this.remember(id, { ...known, run, isOver: false });
      return true;
    }
    if (version <= known.version) return false;
    this.remember(id, { version, run: Math.max(run, known.run), isOver: isFinal(event.state) });
    return true;
  }

  private remember(id: string, known: Known): void {
    this.jobs.delete(id);
    this.jobs.set(id, known);
    if (this.jobs.size > REMEMBERED_JOBS) this.jobs.delete(this.jobs.keys().next().value ?? "");
  }
}

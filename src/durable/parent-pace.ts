// Tells how far the children of a job are at most twice a second, however fast they end. The newest word is never lost.

import type { JobEvent, ProgressEvent } from "../core/events";

const PAUSE_MS = 500;

export class ParentPace {
  /** By job: what is to be told when its pause is over; null: nothing has happened in it. */
  private readonly held = new Map<string, ProgressEvent | null>();

  constructor(private readonly tell: (event: ProgressEvent) => void) {}

  /** Whether the event may go out now. Progress of a parent that was told a moment ago is held back. */
  lets(event: JobEvent): boolean {
    if (event.type !== "job.progress") {
      // What comes after a move has the newest numbers with it.
      if (this.held.has(event.job_id)) this.held.set(event.job_id, null);
      return true;
    }
    if (event.pace === undefined) return true;
    if (this.held.has(event.job_id)) {
      this.hold(event);
      return false;
    }
    this.pause(event.job_id);
    return true;
  }

  /** News of several isolates do not come in the order in which they were made. */
  private hold(event: ProgressEvent): void {
    const held = this.held.get(event.job_id);
    if (!held || held.version < event.version || held.done <= event.done) this.held.set(event.job_id, event);
  }

  private pause(jobId: string): void {
    this.held.set(jobId, null);
    setTimeout(() => {
      const event = this.held.get(jobId);
      if (!event) {
        this.held.delete(jobId);
        return;
      }
      this.tell(event);
      this.pause(jobId);
    }, PAUSE_MS);
  }
}

// Tells the story of one run, in order: started, progress, text, and how it ended.

import type { JobEvent, MoveEvent } from "../core/events";
import type { Job, Progress } from "../core/job";
import type { Deps } from "../deps";
import type { Outbox } from "./outbox";

export type Narrator = {
  move(event: MoveEvent): void;
  progress(progress: Progress): void;
  text(delta: string): void;
  /** Resolves when the hub has all of it, or has been given up. */
  finish(): Promise<void>;
};

export function createNarrator(deps: Deps, job: Job, outbox: Outbox): Narrator {
  let told: Promise<void> = Promise.resolve();

  function tell(event: JobEvent): void {
    told = outbox.tell(job, event);
  }

  const { id, version, run } = job;
  const about = () => ({ job_id: id, version, at: new Date(deps.now()).toISOString(), run });

  return {
    move: tell,
    progress: (progress) => tell({ type: "job.progress", ...about(), ...progress }),
    text: (text) => tell({ type: "job.delta", ...about(), text }),
    finish: () => told,
  };
}

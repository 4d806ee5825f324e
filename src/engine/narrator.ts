// Tells the story of one run, in order: listeners hear of its moves and its progress, the job's stream has its words too.

import type { JobEvent, MoveEvent } from "../core/events";
import type { Job, Progress } from "../core/job";
import type { LogMessage } from "../core/streams/job-log";
import type { Deps } from "../deps";
import type { Farewell, StreamWriter } from "./log-writer";
import type { RunTools } from "./run";

export type Narrator = {
  /** The work begins: what an earlier run has said of it is taken back. */
  begin(): void;
  move(event: MoveEvent): void;
  progress(progress: Progress): void;
  /** What the model says, as it says it: for the stream. */
  say(words: LogMessage): void;
  /** What was said so far stays if the job goes on from here. */
  mark(): Promise<void>;
  /** How the run has left its job, in the job's stream. */
  leave(farewell: Farewell): void;
  /** It has lost its job: not another word. */
  abandon(): void;
  /** Resolves when the hub and the stream have all of it, or have been given up. */
  finish(): Promise<void>;
};

export function createNarrator(
  deps: Deps,
  job: Job,
  { outbox, openStream }: Pick<RunTools, "outbox" | "openStream">,
): Narrator {
  let told: Promise<void> = Promise.resolve();
  let left: Promise<void> = Promise.resolve();
  let log: StreamWriter | null = null;

  function tell(event: JobEvent): void {
    told = outbox.tell(job, event);
  }

  return {
    begin() {
      if (!job.stream) return;
      log = openStream(job);
      log.begin();
    },
    move: tell,
    progress(progress) {
      const { id, version, run } = job;
      const at = new Date(deps.now()).toISOString();
      tell({ type: "job.progress", job_id: id, version, at, run, ...progress });
      log?.write({ type: "progress", ...progress });
    },
    say: (words) => log?.write(words),
    mark: async () => log?.mark(),
    leave(farewell) {
      if (job.stream) left = (log ?? openStream(job)).leave(farewell);
    },
    abandon: () => log?.abandon(),
    async finish() {
      await Promise.all([told, left]);
    },
  };
}

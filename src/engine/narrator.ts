// Tells a run's story in order: started, progress, text, and how it ended. One call to the hub at a time.
//
// While a call is under way, text gathers and goes out with the next one, at most every 100 ms: a call for each token
// would cost more than the tokens.

import type { JobEvent, MoveEvent } from "../core/events";
import type { Job, Progress } from "../core/job";
import type { Deps } from "../deps";
import { announce } from "./announce";

const PAUSE_MS = 100;

export type Narrator = {
  move(event: MoveEvent): void;
  progress(progress: Progress): void;
  text(delta: string): void;
  /** Sends what is left. Resolves when the hub has it, or has been given up. */
  finish(): Promise<void>;
};

export function createNarrator(deps: Deps, job: Job): Narrator {
  let queue: JobEvent[] = [];
  let sending: Promise<void> | null = null;
  let skipPause: (() => void) | null = null;
  let finishing = false;

  async function send(): Promise<void> {
    while (queue.length > 0) {
      const events = queue;
      queue = [];
      await announce(
        deps,
        events.map((event) => ({ job, event })),
      );
      if (!finishing) await pause();
    }
    sending = null;
  }

  function pause(): Promise<void> {
    return new Promise((resolve) => {
      skipPause = resolve;
      setTimeout(resolve, PAUSE_MS);
    });
  }

  function tell(event: JobEvent): void {
    queue.push(event);
    sending ??= send();
  }

  const about = () => ({ job_id: job.id, version: job.version, at: new Date(deps.now()).toISOString() });

  return {
    move: tell,
    progress(progress) {
      queue = queue.filter((event) => event.type !== "job.progress");
      tell({ type: "job.progress", ...about(), ...progress });
    },
    text(delta) {
      const last = queue.at(-1);
      if (last?.type === "job.delta") last.text += delta;
      else tell({ type: "job.delta", ...about(), run: job.run, text: delta });
    },
    async finish() {
      finishing = true;
      skipPause?.();
      while (sending) await sending;
    },
  };
}

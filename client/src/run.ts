// Waits for the end of a job: by its events, and by looking wherever events do not get through.

import { isWorthRepeating, JobCancelledError, JobFailedError } from "./errors.ts";
import type { Http } from "./http.ts";
import { Line } from "./line.ts";
import { sleep } from "./pause.ts";
import { isFinal, type Job } from "./wire.ts";
import type { Frame } from "./wire-frames.ts";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;

/** One by WebSocket, one by server-sent events: then this is no place for events, and looking has to do. */
const VAIN_CONNECTIONS = 2;

/** The job goes on while the API is away, so that waiting does as well: for about a minute. */
const VAIN_LOOKS = 10;

/** A job with this output, as `jobs.run()` returns it. */
export type FinishedJob<Output> = Omit<Job<Output>, "state" | "output"> & {
  state: "completed";
  output: Output;
};

export type Look = (id: string, signal: AbortSignal | undefined) => Promise<Job>;

/** The job when it has ended, in whatever way. Rejects with the signal's reason when it aborts. */
export async function waitForEnd(http: Http, look: Look, id: string, signal?: AbortSignal): Promise<Job> {
  const line = new Line(http, { job: id });
  const pauses = new Pauses();
  for (let vain = 0, unseen = 0; ; ) {
    if (vain < VAIN_CONNECTIONS) {
      const isHeard = await listenForEnd(line, id, signal);
      if (isHeard) pauses.beginAnew();
      vain = isHeard ? 0 : vain + 1;
    }
    try {
      const job = await look(id, signal);
      if (isFinal(job.state)) return job;
      unseen = 0;
    } catch (error) {
      unseen += 1;
      if (!isWorthRepeating(error) || unseen >= VAIN_LOOKS) throw error;
    }
    await sleep(pauses.next(), signal);
  }
}

class Pauses {
  private ms = FIRST_PAUSE_MS;

  beginAnew(): void {
    this.ms = FIRST_PAUSE_MS;
  }

  /** Between half of the pause and all of it, so that those who were cut off together do not look together. */
  next(): number {
    const { ms } = this;
    this.ms = Math.min(2 * ms, LONGEST_PAUSE_MS);
    return ms * (1 - Math.random() / 2);
  }
}

/** Until an event tells the end, or the connection is over. Whether anything was heard on it. */
async function listenForEnd(line: Line, id: string, signal?: AbortSignal): Promise<boolean> {
  signal?.throwIfAborted();
  const hangUp = new AbortController();
  const giveUp = () => hangUp.abort();
  signal?.addEventListener("abort", giveUp);
  let isHeard = false;
  const hear = (frame: Frame) => {
    isHeard = true;
    if (tellsEnd(frame, id)) hangUp.abort();
  };
  try {
    await line.listen(null, hear, hangUp.signal);
  } catch {
    // A look tells what is wrong, if it is more than the way to the events.
  } finally {
    signal?.removeEventListener("abort", giveUp);
  }
  signal?.throwIfAborted();
  return isHeard;
}

function tellsEnd(frame: Frame, id: string): boolean {
  if (frame.type === "snapshot") return "job" in frame && (frame.job === null || isFinal(frame.job.state));
  return "state" in frame && frame.job_id === id && isFinal(frame.state);
}

/** The job if it has completed; else throws how it ended. */
export function toFinished<Output>(job: Job): FinishedJob<Output> {
  if (job.state === "failed") throw new JobFailedError(job);
  if (job.state === "cancelled") throw new JobCancelledError(job);
  return job as FinishedJob<Output>;
}

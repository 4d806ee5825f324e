// Where `errand watch` hears of jobs: their own events, those of a channel, or looking every now and then.

import type { Errand } from "../errand.ts";
import { NotFoundError } from "../errors.ts";
import { sleep } from "../pause.ts";
import type { Frame } from "../wire-frames.ts";

export type Hear = (frame: Frame) => void;

/** Until the signal aborts. Throws what keeps it from listening. */
export async function hearChannel(
  errand: Errand,
  channel: string,
  hear: Hear,
  signal: AbortSignal,
): Promise<void> {
  await unlessOver(signal, async () => {
    for await (const frame of errand.events.subscribe({ channel }, { signal })) hear(frame);
  });
}

export async function hearJobs(
  errand: Errand,
  ids: string[],
  hear: Hear,
  signal: AbortSignal,
): Promise<void> {
  // When one of them cannot be heard, the others are left as well.
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  signal.addEventListener("abort", leave);
  const hearOne = async (job: string) => {
    for await (const frame of errand.events.subscribe({ job }, { signal: leaving.signal })) {
      if (frame.type === "snapshot" && "job" in frame && frame.job === null) throw erased(job);
      hear(frame);
    }
  };
  try {
    await unlessOver(signal, () => Promise.all(ids.map(hearOne)));
  } finally {
    signal.removeEventListener("abort", leave);
    leave();
  }
}

function erased(id: string): NotFoundError {
  return new NotFoundError({ message: `Job ${id} was erased.`, code: "not_found", type: "not_found_error" });
}

const LOOK_EVERY_MS = 2_000;
const LOOKED_AT = 50;

/** There are events of channels and of jobs, but none of a whole project. */
export async function look(errand: Errand, hear: Hear, signal: AbortSignal): Promise<void> {
  await unlessOver(signal, async () => {
    for (;;) {
      const { data } = await errand.jobs.list({ limit: LOOKED_AT, signal });
      hear({ type: "snapshot", cursor: "", channel: null, jobs: data });
      await sleep(LOOK_EVERY_MS, signal);
    }
  });
}

async function unlessOver(signal: AbortSignal, listen: () => Promise<unknown>): Promise<void> {
  try {
    await listen();
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

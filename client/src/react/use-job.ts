// `useJob(id)`: the job as it is now.

import type { Errand } from "../errand.ts";
import type { Job } from "../wire.ts";
import type { Frame } from "../wire-frames.ts";
import { movedJob, newerJob } from "./moved-job.ts";
import { refreshBy } from "./refresh.ts";
import { type Kind, useWatched } from "./watches.ts";

export type JobView<Output = unknown> = {
  /** Undefined until it is known. */
  job: Job<Output> | undefined;
  /** Why it is not kept up to date (any more). How the job itself has failed is `job.error`. */
  error: Error | null;
  isLoading: boolean;
};

const JOB: Kind<JobView> = {
  name: "job",
  unknown: { job: undefined, error: null, isLoading: true },
  none: { job: undefined, error: null, isLoading: false },
  watch: watchJob,
};

/** Kept up to date while the component is there, with its output once it has completed. Null: no job, yet. */
export function useJob<Output = unknown>(id: string | null | undefined): JobView<Output> {
  return useWatched(JOB, id ?? null) as JobView<Output>;
}

function watchJob(errand: Errand, id: string, tell: (view: JobView) => void): () => void {
  const closing = new AbortController();
  const { signal } = closing;
  let job: Job | undefined;

  function show(next: Job): void {
    if (next === job) return;
    job = next;
    tell({ job, error: null, isLoading: false });
  }

  const fail = (error: unknown) => tell({ job, error: error as Error, isLoading: false });

  const refresh = refreshBy(
    async () => {
      const whole = await errand.jobs.get(id, { signal });
      // Of the same version too: events and snapshots leave out the output.
      if (!job || whole.version >= job.version) show(whole);
    },
    fail,
    signal,
  );

  function hear(frame: Frame): void {
    const before = job?.version;
    if (frame.type === "snapshot") {
      if ("job" in frame && frame.job) show(newerJob(job, frame.job));
      // One that does not exist is refused in words.
      else refresh();
    } else if (frame.type !== "reset" && job) show(movedJob(job, frame));
    if (job?.version !== before) refresh();
  }

  listen().catch((error) => {
    if (!signal.aborted) fail(error);
  });

  async function listen(): Promise<void> {
    for await (const frame of errand.events.subscribe({ job: id }, { signal })) hear(frame);
  }

  return () => closing.abort();
}

// `useJobs({ channel })`: the newest jobs of a channel as they are now.

import type { Errand } from "../errand.ts";
import type { Job } from "../wire.ts";
import type { EventFrame, Frame } from "../wire-frames.ts";
import { movedJob, newerJob } from "./moved-job.ts";
import { refreshBy } from "./refresh.ts";
import { type Kind, useWatched } from "./watches.ts";

/** As many as a snapshot has. */
const NEWEST = 100;

export type JobsView = {
  /** The newest first, at most 100, without outputs. */
  jobs: readonly Job[];
  /** Why they are not kept up to date (any more). */
  error: Error | null;
  isLoading: boolean;
};

const JOBS: Kind<JobsView> = {
  name: "jobs",
  unknown: { jobs: [], error: null, isLoading: true },
  none: { jobs: [], error: null, isLoading: false },
  watch: watchJobs,
};

/** Kept up to date while the component is there. */
export function useJobs({ channel }: { channel: string | null | undefined }): JobsView {
  return useWatched(JOBS, channel ?? null);
}

function watchJobs(errand: Errand, channel: string, tell: (view: JobsView) => void): () => void {
  const closing = new AbortController();
  const { signal } = closing;
  let jobs: readonly Job[] = [];

  function show(next: readonly Job[]): void {
    jobs = next;
    tell({ jobs, error: null, isLoading: false });
  }

  const fail = (error: unknown) => tell({ jobs, error: error as Error, isLoading: false });

  function showNewest(list: readonly Job[]): void {
    const known = new Map(jobs.map((job) => [job.id, job]));
    show(list.map((job) => newerJob(known.get(job.id), job)));
  }

  const refresh = refreshBy(
    async () => showNewest((await errand.jobs.list({ channel, limit: NEWEST, signal })).data),
    fail,
    signal,
  );

  function hearEvent(event: EventFrame): void {
    const job = jobs.find(({ id }) => id === event.job_id);
    if (job) {
      const moved = movedJob(job, event);
      if (moved !== job) show(jobs.map((one) => (one === job ? moved : one)));
    } else if ("state" in event && isAmongNewest(event.job_id)) {
      // An event does not hold all of a job.
      refresh();
    }
  }

  function isAmongNewest(id: string): boolean {
    return jobs.length < NEWEST || id > (jobs.at(-1)?.id ?? "");
  }

  function hear(frame: Frame): void {
    if (frame.type === "snapshot") showNewest("jobs" in frame ? frame.jobs : []);
    else if (frame.type !== "reset") hearEvent(frame);
  }

  listen().catch((error) => {
    if (!signal.aborted) fail(error);
  });

  async function listen(): Promise<void> {
    for await (const frame of errand.events.subscribe({ channel }, { signal })) hear(frame);
  }

  return () => closing.abort();
}

// `errand.jobs`: submits jobs, looks at them, and acts on them.

import type { Http } from "./http.ts";
import { type JobFilter, type JobList, listJobs } from "./job-pages.ts";
import { JobStream, openJobStream, type StreamOptions } from "./job-stream.ts";
import { type FinishedJob, toFinished, waitForEnd } from "./run.ts";
import {
  type BulkJob,
  type CallOptions,
  type RepeatOptions,
  type SubmitOptions,
  toBulkBody,
  toSubmitBody,
} from "./submit-options.ts";
import type { AnyTask, InputOf, Known, OutputOf } from "./task-types.ts";
import { type CancelledJob, type Explanation, isFinal, type Job } from "./wire.ts";
import type { List } from "./wire-lists.ts";
import type { CancelAllBody, Operation, RetryAllBody } from "./wire-service.ts";

export type RunOptions = SubmitOptions & {
  /** Cancels the job when the signal aborts. Default: only the waiting stops, and the job goes on. */
  cancelOnAbort?: boolean;
};

export class Jobs {
  constructor(private readonly http: Http) {}

  /**
   * Stores a job and returns at once. The task's name decides the types of input and output; a name that is only known as
   * a `string` is taken too, and types nothing.
   */
  submit<N extends AnyTask>(
    task: Known<N>,
    input: InputOf<N>,
    options: SubmitOptions = {},
  ): Promise<Job<OutputOf<N>>> {
    const { idempotencyKey = crypto.randomUUID(), signal, ...said } = options;
    const body = toSubmitBody(task, input, said);
    return this.http.json({ method: "POST", path: "/v1/jobs", body, idempotencyKey, signal });
  }

  /** Stores up to 1,000 jobs, all or none, and returns them in the same order. */
  async bulk(jobs: readonly BulkJob[], options: RepeatOptions = {}): Promise<Job[]> {
    const { idempotencyKey = crypto.randomUUID(), signal } = options;
    const call = { method: "POST", path: "/v1/jobs/bulk", body: toBulkBody(jobs) } as const;
    return (await this.http.json<List<Job>>({ ...call, idempotencyKey, signal })).data;
  }

  /** The job as it is now, with its output unless that is larger than 128 KB. */
  get<Output = unknown>(id: string, { signal }: CallOptions = {}): Promise<Job<Output>> {
    return this.http.json({ method: "GET", path: pathOf(id), signal });
  }

  /** Jobs without inputs, outputs and attempts, newest first: await a page, or iterate over all. */
  list(filter: JobFilter & CallOptions = {}): JobList {
    return listJobs(this.http, filter);
  }

  /** Ends what waits at once, and what runs within about a second. `cancel` of the answer says what happened. */
  cancel(id: string, { signal }: CallOptions = {}): Promise<CancelledJob> {
    return this.http.json({ method: "POST", path: `${pathOf(id)}/cancel`, isIdempotent: true, signal });
  }

  /** Starts a failed or cancelled job over; submits a completed one anew. Sent once: twice it could make two jobs. */
  retry(id: string, { signal }: CallOptions = {}): Promise<Job> {
    return this.http.json({ method: "POST", path: `${pathOf(id)}/retry`, signal });
  }

  /** Cancels every open job that fits; `{}` is all of them. See `errand.operations` for how far it is. */
  cancelAll(filter: CancelAllBody["filter"], { signal }: CallOptions = {}): Promise<Operation> {
    const body: CancelAllBody = { filter };
    return this.http.json({ method: "POST", path: "/v1/jobs/cancel", body, isIdempotent: true, signal });
  }

  /** Starts every failed job that fits over, or every cancelled one, `rate` of them in a second. Sent once. */
  retryAll(
    filter: RetryAllBody["filter"],
    { rate, signal }: { rate?: number } & CallOptions = {},
  ): Promise<Operation> {
    const body: RetryAllBody = { filter, rate };
    return this.http.json({ method: "POST", path: "/v1/jobs/retry", body, signal });
  }

  /** Removes the job and all it has left. One that runs is hidden at once, and removed when it has stopped. */
  erase(id: string, { signal }: CallOptions = {}): Promise<void> {
    return this.http.done({ method: "DELETE", path: pathOf(id), isDoneWhenGone: true, signal });
  }

  /** The whole output, however large. */
  output<Output = unknown>(id: string, { signal }: CallOptions = {}): Promise<Output> {
    return this.http.json({ method: "GET", path: `${pathOf(id)}/output`, signal });
  }

  /** Why the job waits, and for how long. */
  explain(id: string, { signal }: CallOptions = {}): Promise<Explanation> {
    return this.http.json({ method: "GET", path: `${pathOf(id)}/explain`, signal });
  }

  /**
   * What a job with `stream: true` says, from its first word to its end, however often the connection is lost. Leave the
   * `for await`, `close()`, or abort the signal to hang up; the job goes on.
   */
  stream(id: string, options: StreamOptions = {}): JobStream {
    const open = (offset: string, signal: AbortSignal) => openJobStream(this.http, id, offset, signal);
    return new JobStream(this.http, { open }, options);
  }

  /**
   * Submits, waits for the end, and returns the completed job with its whole output. Throws `JobFailedError` or
   * `JobCancelledError`, both with the job, if it ends otherwise. It waits as long as the job takes: give it a `signal`
   * (`AbortSignal.timeout(ms)`) to wait no longer.
   */
  async run<N extends AnyTask>(
    task: Known<N>,
    input: InputOf<N>,
    { cancelOnAbort = false, ...options }: RunOptions = {},
  ): Promise<FinishedJob<OutputOf<N>>> {
    const { signal } = options;
    signal?.throwIfAborted();
    // A submit that is given up leaves no id to cancel: with cancelOnAbort it is seen through.
    const submitted = await this.submit<N>(
      task,
      input,
      cancelOnAbort ? { ...options, signal: undefined } : options,
    );
    try {
      return await this.finish<OutputOf<N>>(submitted, signal);
    } catch (error) {
      if (cancelOnAbort && signal?.aborted) await this.cancel(submitted.id).catch(() => {});
      throw error;
    }
  }

  /** Waits for the end of a job that was submitted before, as `run()` does. */
  async wait<Output = unknown>(id: string, { signal }: CallOptions = {}): Promise<FinishedJob<Output>> {
    return this.finish<Output>(await this.get(id, { signal }), signal);
  }

  private async finish<Output>(submitted: Job, signal?: AbortSignal): Promise<FinishedJob<Output>> {
    signal?.throwIfAborted();
    const look = (id: string, signal?: AbortSignal) => this.get(id, { signal });
    const isOver = isFinal(submitted.state);
    const job = isOver ? submitted : await waitForEnd(this.http, look, submitted.id, signal);
    const finished = toFinished<Output>(job);
    // Too large to be part of the job.
    if (finished.output === null && finished.output_url !== null)
      finished.output = await this.output<Output>(job.id, { signal });
    return finished;
  }
}

function pathOf(id: string): string {
  return `/v1/jobs/${encodeURIComponent(id)}`;
}

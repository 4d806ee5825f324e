// `errand.batches`: one task over many inputs.

import type { Http } from "./http.ts";
import { readJsonLines } from "./json-lines.ts";
import { waitForEnd } from "./run.ts";
import type { CallOptions, RepeatOptions } from "./submit-options.ts";
import type { AnyTask, InputOf, Known, OutputOf } from "./task-types.ts";
import type { Job, JobState } from "./wire.ts";
import type {
  Batch,
  BatchBody,
  BatchError,
  BatchEstimate,
  BatchInput,
  BatchItem,
  BatchOutput,
} from "./wire-batches.ts";
import type { Page } from "./wire-lists.ts";

/** `items`, or the file that has them; and what a batch says of itself, in the words of the wire. */
export type BatchOptions<Input> = Omit<BatchBody, "task" | "items"> & { items?: BatchItem<Input>[] };

export type BatchListOptions = CallOptions & {
  state?: JobState;
  channel?: string;
  tag?: string;
  /** Batches a page: 1 to 100, default 20. */
  limit?: number;
  /** `next_cursor` of the page before. */
  cursor?: string;
};

export class Batches {
  constructor(private readonly http: Http) {}

  /** Stores a batch and returns at once. */
  create<N extends AnyTask>(
    task: Known<N>,
    batch: BatchOptions<Partial<InputOf<N>>>,
    { idempotencyKey = crypto.randomUUID(), signal }: RepeatOptions = {},
  ): Promise<Batch> {
    const body: BatchBody = { task, ...batch };
    return this.http.json({ method: "POST", path: "/v1/batches", body, idempotencyKey, signal });
  }

  /** What it would take, before it is started. */
  estimate(batch: BatchInput, { signal }: CallOptions = {}): Promise<BatchEstimate> {
    const path = "/v1/batches/estimate";
    return this.http.json({ method: "POST", path, body: batch, isIdempotent: true, signal });
  }

  get(id: string, { signal }: CallOptions = {}): Promise<Batch> {
    return this.http.json({ method: "GET", path: pathOf(id), signal });
  }

  /** A page, newest first. */
  list({ signal, ...query }: BatchListOptions = {}): Promise<Page<Batch>> {
    return this.http.json({ method: "GET", path: "/v1/batches", query, signal });
  }

  /** The batch when it has ended, in whatever way. */
  async wait(id: string, { signal }: CallOptions = {}): Promise<Batch> {
    const look = (job: string) => this.http.json<Job>({ method: "GET", path: `/v1/jobs/${job}`, signal });
    await waitForEnd(this.http, look, id, signal);
    return this.get(id, { signal });
  }

  /** The items that have completed so far, in the order of the input, read as they come. */
  output<N extends AnyTask>(
    id: string,
    options: CallOptions = {},
  ): AsyncGenerator<BatchOutput<OutputOf<N>>, void, undefined> {
    return this.lines(`${pathOf(id)}/output`, options);
  }

  /** The items that have failed or were cancelled so far. */
  errors(id: string, options: CallOptions = {}): AsyncGenerator<BatchError, void, undefined> {
    return this.lines(`${pathOf(id)}/errors`, options);
  }

  /** Nothing of it is started any more; what has completed is kept. */
  cancel(id: string, { signal }: CallOptions = {}): Promise<Batch> {
    return this.http.json({ method: "POST", path: `${pathOf(id)}/cancel`, isIdempotent: true, signal });
  }

  /** Redoes what has failed or was cancelled. */
  retry(id: string, { signal }: CallOptions = {}): Promise<Batch> {
    return this.http.json({ method: "POST", path: `${pathOf(id)}/retry`, signal });
  }

  private async *lines<T>(path: string, { signal }: CallOptions): AsyncGenerator<T, void, undefined> {
    yield* readJsonLines<T>(await this.http.open({ method: "GET", path, signal }));
  }
}

function pathOf(id: string): string {
  return `/v1/batches/${encodeURIComponent(id)}`;
}

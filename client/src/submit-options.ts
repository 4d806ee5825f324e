// What can be said of a job besides task and input: in camelCase here, in snake_case on the wire.

import type { InputOf, TaskName } from "./task-types.ts";
import type { BulkBody, CacheUse, Concurrency, Lane, SubmitBody } from "./wire.ts";

export type JobOptions = {
  /** Who listens: events of all jobs of a channel arrive on one socket. A user's id, for instance. */
  channel?: string;
  tags?: string[];
  /** Your own data, at most 16 KB. Comes back with the job. */
  metadata?: Record<string, unknown>;
  lane?: Lane;
  /** Higher goes first; -100 to 100. */
  priority?: number;
  /** Not before this instant. Excludes `delayS`. */
  runAt?: Date | string;
  delayS?: number;
  /** Fail with `expired` if it still waits for its turn then. */
  expiresInS?: number;
  maxAttempts?: number;
  /** Of each attempt. */
  timeoutS?: number;
  /** Erase the job so long after its end. */
  retentionS?: number;
  /** An end user of yours: these take turns within the project's share of a pool. */
  fairKey?: string;
  concurrency?: Concurrency;
  /** When a budget is used up. Default: wait. */
  onBudget?: "wait" | "fail";
  /** Share answers with equal jobs. Left out: each job asks for itself. */
  cache?: CacheUse;
  /** Keep what the job says while it runs, for `jobs.stream(id)`. */
  stream?: boolean;
};

export type CallOptions = {
  /** Stops the call; the promise is rejected with the signal's reason. */
  signal?: AbortSignal;
};

export type RepeatOptions = CallOptions & {
  /** The same key and body give the same jobs. Default: a new one for each call, the same for all its tries. */
  idempotencyKey?: string;
};

export type SubmitOptions = JobOptions & RepeatOptions;

/** One job of a bulk. */
export type BulkJob = {
  [N in TaskName]: { task: N; input: InputOf<N>; idempotencyKey?: string } & JobOptions;
}[TaskName];

/** The one place where options get the names of the wire. */
export const WIRE_NAMES = {
  channel: "channel",
  tags: "tags",
  metadata: "metadata",
  lane: "lane",
  priority: "priority",
  runAt: "run_at",
  delayS: "delay_s",
  expiresInS: "expires_in_s",
  maxAttempts: "max_attempts",
  timeoutS: "timeout_s",
  retentionS: "retention_s",
  fairKey: "fair_key",
  concurrency: "concurrency",
  onBudget: "on_budget",
  cache: "cache",
  stream: "stream",
} as const satisfies Record<keyof JobOptions, keyof SubmitBody>;

const NAMES = Object.entries(WIRE_NAMES) as [keyof JobOptions, string][];

export function toSubmitBody(task: string, input: unknown, options: JobOptions): SubmitBody {
  const said = NAMES.filter(([name]) => options[name] !== undefined);
  const named = Object.fromEntries(said.map(([name, wire]) => [wire, options[name]]));
  // JSON turns a Date into the instant in UTC that the API wants.
  return { task, input, ...named };
}

export function toBulkBody(jobs: readonly BulkJob[]): BulkBody {
  const toJob = ({ task, input, idempotencyKey, ...options }: BulkJob) => ({
    ...toSubmitBody(task, input, options),
    ...(idempotencyKey === undefined ? {} : { idempotency_key: idempotencyKey }),
  });
  return { jobs: jobs.map(toJob) };
}

// The job as the code sees it, and the small values it is made of.

import type { CacheSettings } from "./cache";
import type { ChildCounts, OnChildFailure } from "./children";
import type { Lane, Reason, State } from "./lifecycle";
import type { Usage } from "./usage";

export type JobError = { code: string; message: string; retryable: boolean };

export type Progress = { done: number; total: number | null; message: string | null };

/** One try, as the job remembers it. Instants are ISO 8601 UTC. */
export type AttemptRecord = {
  attempt: number;
  started_at: string;
  ended_at: string;
  error: JobError | null;
  model: string | null;
  /** The name of the secret whose key it used, when the provider has several. */
  key?: string;
  usage: Usage;
};

/** A job without its input, output and attempts. Instants are milliseconds since 1970, by the database's clock. */
export type Job = {
  projectId: string;
  id: string;
  task: string;
  state: State;
  reason: Reason | null;
  channel: string | null;
  tags: string[];
  metadata: Record<string, unknown> | null;
  lane: Lane;
  priority: number;
  model: string | null;
  stream: boolean;
  run: number;
  attempt: number;
  maxAttempts: number;
  timeoutMs: number;
  crashes: number;
  turns: number;
  version: number;
  createdAt: number;
  runAt: number;
  startedAt: number | null;
  finishedAt: number | null;
  expiresAt: number | null;
  leaseUntil: number | null;
  cancelRequestedAt: number | null;
  rerunOf: string | null;
  idempotencyKey: string | null;
  progress: Progress | null;
  error: JobError | null;
  usage: Usage | null;
  inputBytes: number;
  inputKey: string | null;
  outputBytes: number | null;
  outputKey: string | null;
  /** Of the cause, when it has failed. */
  fingerprint: string | null;
  /** How long it is kept after its end; null: as long as the deployment keeps jobs. */
  retentionMs: number | null;
  /** From then on nobody sees it. */
  eraseAt: number | null;
  /** The gate whose turn it waits for (`provider/model` or `task:name`); null: none. */
  pool: string | null;
  /** An end user of the project, for fairness among them. */
  fairKey: string | null;
  /** At most `limit` jobs of the project with this key run at once. */
  concurrency: { key: string; limit: number } | null;
  /** Characters of its input: what its tokens are estimated from. */
  inputChars: number;
  maxOutputTokens: number | null;
  /** JSON text: where else it may go, see core/route.ts. Null: one place only. */
  route: string | null;
  /** The API key that submitted it; null: the root key. */
  keyId: string | null;
  onBudget: "wait" | "fail";
  /** Whose child it is; null: nobody's. */
  parentId: string | null;
  /** How many parents are above it. */
  depth: number;
  /** What its parent, or whoever made the batch, calls it. */
  customId: string | null;
  /** Its children, when it has any. */
  children: ChildCounts | null;
  /** What it does when a child does not complete; null: it has not waited for children yet. */
  onChildFailure: OnChildFailure | null;
  /** Its next run starts those children again that did not complete. */
  redo: boolean;
  /** How it uses the cache; null: not at all. */
  cache: CacheSettings | null;
  /** SHA-256 of what it asks, in hex; equal jobs have one answer. Null: it uses no cache. */
  cacheKey: string | null;
  /** The equal job whose end it waits for, or has shared; null: it goes its own way. */
  follows: string | null;
  /** It has its answer without a call of its own; `stale`: and that answer was past its time. */
  cached: "fresh" | "stale" | null;
  /** What the call has used that it did without. */
  saved: Usage | null;
  /** When the row was read. Compared with the others, it tells how long ago they were; no other clock agrees with them. */
  readAt: number;
};

/** Whether it has been erased, so that nobody may see what is left of it. */
export function isErased(job: Job): boolean {
  return job.eraseAt !== null && job.eraseAt <= job.readAt;
}

/** A job with what the lists leave out. `input` and `output` are JSON text, or null when they are in R2. */
export type WholeJob = Job & {
  attempts: AttemptRecord[];
  turnState: string | null;
  input: string | null;
  output: string | null;
};

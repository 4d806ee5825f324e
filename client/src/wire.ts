// Jobs on the wire: what is sent to submit one, and what comes back.

export type JobState = "pending" | "running" | "waiting" | "completed" | "failed" | "cancelled";

/** Whether a job has ended. Only a retry changes it then. */
export function isFinal(state: JobState): boolean {
  return state === "completed" || state === "failed" || state === "cancelled";
}

/** Why a pending job is not running. */
export type PendingReason =
  | "queued"
  | "scheduled"
  | "retrying"
  | "rate_limited"
  | "fair_share"
  | "budget"
  | "concurrency"
  | "paused"
  | "provider_down";

/** Who goes first at a gate; `bulk` never stands before the others. */
export type Lane = "interactive" | "default" | "bulk";

/** How a job shares answers with equal ones. */
export type CacheUse = {
  /** How old an answer may be. Default: a day. */
  ttl_s?: number;
  /** For so much longer it is given while a new one is made behind it. */
  stale_s?: number;
  /** `refresh` asks anew and keeps the answer. Default: `use`. */
  mode?: "use" | "refresh" | "off";
  /** A cache of its own. */
  scope?: string;
  /** For purging the answer. */
  tags?: string[];
};

/** At most `limit` jobs with this key run at once, whatever models they use. */
export type Concurrency = { key: string; limit: number };

export type JobError = { code: string; message: string; retryable: boolean };

export type Usage = {
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  reasoning_tokens: number;
  /** Null when the model has no price in PROVIDERS. */
  cost_usd: number | null;
  /** The provider sent no count; this is a guess. */
  estimated?: true;
};

export type Attempt = {
  attempt: number;
  started_at: string;
  ended_at: string;
  error: JobError | null;
  model: string | null;
  /** The name of the secret that was used, when the provider has several keys. */
  key?: string;
  usage: Usage;
};

export type Progress = { done: number; total: number | null; message: string | null };

/** How many children a job has, and what those that have ended have used. */
export type ChildCounts = {
  total: number;
  completed: number;
  failed: number;
  cancelled: number;
  input_tokens: number;
  output_tokens: number;
  cost_usd: number;
};

/** A job as the API shows it. Instants are ISO 8601 in UTC. */
export type Job<Output = unknown> = {
  id: string;
  object: "job";
  task: string;
  state: JobState;
  /** Why a pending job is not running. */
  reason: PendingReason | null;
  channel: string | null;
  tags: string[];
  /** Your own data, as it was submitted. */
  metadata: Record<string, unknown> | null;
  lane: Lane;
  priority: number;
  stream: boolean;
  model: string | null;
  /** The gate whose turn it waits for; null: none. */
  pool: string | null;
  fair_key: string | null;
  concurrency: Concurrency | null;
  on_budget: "wait" | "fail";
  /** How often it was started, for whatever reason. */
  run: number;
  /** Tries used. */
  attempt: number;
  max_attempts: number;
  timeout_s: number;
  progress: Progress | null;
  /** Null until the end, in lists and snapshots, and when it is larger than 128 KB: `jobs.output(id)` has it then. */
  output: Output | null;
  output_bytes: number | null;
  output_url: string | null;
  error: JobError | null;
  /** All of them, each turn too, up to the last 100. Left out of lists. */
  attempts?: Attempt[];
  usage: Usage | null;
  /** Answered by the cache, or by the call of an equal job: it made none itself. */
  cached: boolean;
  /** What the call has used that it did without. */
  saved: { input_tokens: number; output_tokens: number; cost_usd: number | null } | null;
  cancel_requested_at: string | null;
  /** The completed job that this one runs again. */
  rerun_of: string | null;
  /** The job that has made it and waits for it. */
  parent: string | null;
  /** What its parent, or who made the batch, calls it. */
  custom_id: string | null;
  children: ChildCounts | null;
  created_at: string;
  run_at: string;
  started_at: string | null;
  finished_at: string | null;
  expires_at: string | null;
  /** Seconds it is kept after its end; null: as the deployment says. */
  retention_s: number | null;
  /** Of the cause of a failure, equal for equal causes. */
  fingerprint: string | null;
  /** Rises with every change: an event with a lower one is old news. */
  version: number;
};

/** A job after `jobs.cancel(id)`, and what the call has done. */
export type CancelledJob<Output = unknown> = Job<Output> & {
  /** `cancelled`: it has ended by this. `cancelling`: its run was asked to stop. `already_final`: it had ended before. */
  cancel: "cancelled" | "cancelling" | "already_final";
};

/** The body of `POST /v1/jobs`. */
export type SubmitBody = {
  task: string;
  input: unknown;
  channel?: string;
  tags?: string[];
  metadata?: Record<string, unknown>;
  lane?: Lane;
  priority?: number;
  run_at?: string;
  delay_s?: number;
  expires_in_s?: number;
  max_attempts?: number;
  timeout_s?: number;
  retention_s?: number;
  fair_key?: string;
  concurrency?: Concurrency;
  on_budget?: "wait" | "fail";
  cache?: CacheUse;
  stream?: boolean;
};

/** The body of `POST /v1/generate`. */
export type GenerateBody = Omit<SubmitBody, "task" | "lane" | "run_at" | "delay_s" | "stream">;

/** The body of `POST /v1/jobs/bulk`. */
export type BulkBody = { jobs: (SubmitBody & { idempotency_key?: string })[] };

/** Why a job waits, with the number behind it, and when it may start. */
export type Explanation = {
  object: "explanation";
  job_id: string;
  state: JobState;
  /** Null for a job that does not wait. */
  reason: PendingReason | null;
  message: string;
  pool: string | null;
  /** The limit that it waits for. */
  limit: { name: string; limit: number; used: number } | null;
  /** Place in line, over all projects; 1 is next. */
  position: number | null;
  /** When it is expected to start. */
  eta: { earliest: string; latest: string } | null;
  waiting_since: string | null;
};

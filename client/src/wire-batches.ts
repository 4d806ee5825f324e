// Batches on the wire: what is sent to start one, and what comes back.

import type { CacheUse, Job, JobError, Lane, Usage } from "./wire.ts";
import type { Pace } from "./wire-frames.ts";

/** What an item, or all of them, may say besides the input. */
type ItemSettings = {
  metadata?: Record<string, unknown>;
  priority?: number;
  max_attempts?: number;
  timeout_s?: number;
  /** Equal items of a batch, and of batches before it, then share one answer. */
  cache?: CacheUse;
};

/** One item, and one line of a file of JSON Lines. */
export type BatchItem<Input = unknown> = ItemSettings & {
  /** Yours: comes back with the item's output. */
  custom_id?: string;
  input: Input;
};

/** What all items of a batch are made of; the body of `POST /v1/batches/estimate`. */
export type BatchInput = {
  task: string;
  /** What each item has that it does not say itself. `input` is merged under the item's, field by field. */
  defaults?: ItemSettings & { input?: Record<string, unknown> };
  /** Up to 1,000. Either these or `file_id`. */
  items?: BatchItem[];
  /** A file of JSON Lines, up to 50,000 lines and 200 MB. */
  file_id?: string;
  on_item_failure?: "continue" | "stop";
};

/** The body of `POST /v1/batches`. */
export type BatchBody = BatchInput & {
  channel?: string;
  tags?: string[];
  metadata?: Record<string, unknown>;
  lane?: Lane;
  priority?: number;
  run_at?: string;
  delay_s?: number;
  expires_in_s?: number;
  retention_s?: number;
  fair_key?: string;
  on_budget?: "wait" | "fail";
};

export type Batch = Pick<
  Job,
  | "id"
  | "state"
  | "reason"
  | "channel"
  | "tags"
  | "metadata"
  | "lane"
  | "priority"
  | "error"
  | "created_at"
  | "run_at"
  | "started_at"
  | "finished_at"
  | "expires_at"
  | "version"
> & {
  object: "batch";
  /** Whether every line of its file has become an item: from then on `total` is final. */
  all_read: boolean;
  /** Exact at any moment. */
  counts: { total: number; completed: number; failed: number; cancelled: number; open: number };
  pace: Pace;
  /** Of the items that have ended. */
  usage: { input_tokens: number; output_tokens: number; cost_usd: number };
  output_url: string;
  errors_url: string;
  items_url: string;
};

export type BatchEstimate = {
  object: "batch_estimate";
  items: number;
  /** Items that cannot be jobs, and would fail. */
  broken: number;
  /** Only the beginning of the file was looked at. */
  sampled: boolean;
  input_tokens: number;
  output_tokens: number;
  /** Null: a model has no price. */
  cost_usd: number | null;
  /** By the limits of the models' pools. Null: none of them has a limit. */
  duration_s: number | null;
  basis: "history" | "max_output_tokens" | "assumption";
};

/** An item that has completed. */
export type BatchOutput<Output = unknown> = {
  index: number;
  custom_id: string | null;
  job: string;
  output: Output;
  usage: Usage | null;
};

/** An item that has failed or was cancelled. */
export type BatchError = {
  index: number;
  custom_id: string | null;
  job: string;
  state: "failed" | "cancelled";
  error: JobError | null;
  usage: Usage | null;
};

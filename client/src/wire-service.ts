// What the API tells of itself: usage, pools, operations on many jobs, keys, tokens and health.

import type { JobState, Lane } from "./wire.ts";

export type UsageSums = {
  /** Runs that have used tokens, whatever came of them. */
  runs: number;
  /** With the cached ones. */
  input_tokens: number;
  /** With those of reasoning. */
  output_tokens: number;
  cached_tokens: number;
  reasoning_tokens: number;
  /** Runs of models without a price add nothing. */
  cost_usd: number;
  unpriced_runs: number;
  /** Runs whose provider sent no count, so that some of it is a guess. */
  estimated_runs: number;
  /** Jobs answered by the cache, or by the call of an equal job, and what those have done without: */
  cache_hits: number;
  saved_input_tokens: number;
  saved_output_tokens: number;
  saved_cost_usd: number;
};

/** A line of a report: what it is grouped by, and the sums of that. */
export type UsageGroup = UsageSums & {
  day?: string;
  task?: string | null;
  model?: string | null;
  provider?: string | null;
  /** Id of the API key that submitted; null: the root key. */
  key?: string | null;
  tag?: string | null;
  project?: string | null;
  job?: string | null;
  run?: number;
  at?: string;
  /** US dollars a million tokens. */
  price?: { input: number; cached_input?: number; output?: number } | null;
  /** Another run had the job when this one ended. It was paid for all the same. */
  lost?: boolean;
};

export type UsageReport = {
  object: "list";
  data: UsageGroup[];
  total: UsageSums;
  has_more: boolean;
  next_cursor: string | null;
};

/** Requests and tokens a minute and a day (UTC), calls at the same time. Null: no limit. */
export type PoolLimits = {
  rpm: number | null;
  tpm: number | null;
  rpd: number | null;
  tpd: number | null;
  concurrency: number | null;
};

type ByMinute = { requests: number | null; tokens: number | null };
type Used = { requests: number; tokens: number };

/** What is limited as one, a provider's key and model for instance, as it stands now. */
export type Pool = {
  id: string;
  object: "pool";
  limits: { configured: PoolLimits; in_force: ByMinute };
  used_last_minute: Used;
  used_today: Used;
  remaining: ByMinute;
  in_flight: number;
  /** Of all projects for the root key, of its own for another. */
  waiting: { project: string; lane: Lane; jobs: number }[];
  window: { jobs: number; flows: number };
  learned: {
    chars_per_token: number;
    output_tokens: Record<string, number>;
    requests_per_minute: number | null;
    run_ms: number | null;
  };
  backing_off_until: string | null;
  circuit: { state: "closed" | "open" | "half_open"; until: string | null };
  paused: boolean;
};

/** One thing that is done to many jobs. It goes on by itself. */
export type Operation = {
  id: string;
  object: "operation";
  action: "cancel" | "retry" | "erase" | "erase_project" | "ring";
  project: string | null;
  filter: Record<string, string>;
  /** Jobs a second; null: all at once. */
  rate: number | null;
  state: "running" | "completed";
  /** Jobs it has changed so far. */
  changed: number;
  created_at: string;
  finished_at: string | null;
};

/** Which jobs. All that is said must fit. */
type FilterFields = {
  task?: string;
  channel?: string;
  tag?: string;
  created_after?: string;
  created_before?: string;
};

/** The body of `POST /v1/jobs/cancel`. */
export type CancelAllBody = { filter: FilterFields & { state?: Exclude<JobState, Ended> } };

/** The body of `POST /v1/jobs/retry`. */
export type RetryAllBody = {
  filter: FilterFields & { state?: Exclude<Ended, "completed">; fingerprint?: string };
  rate?: number;
};

type Ended = "completed" | "failed" | "cancelled";

export type Scope = "jobs:read" | "jobs:write" | "streams:read" | "streams:write" | "admin";

/** An API key, without the key itself. */
export type ApiKey = {
  id: string;
  object: "key";
  project: string;
  name: string | null;
  /** The last four characters. */
  hint: string;
  scopes: Scope[];
  created_at: string;
};

/** With the key itself, which is told this once. */
export type NewApiKey = ApiKey & { key: string };

/** The body of `POST /v1/tokens`: for either a channel or a job. */
export type TokenBody = {
  channel?: string;
  job?: string;
  allow: ("read" | "submit")[];
  tasks?: string[];
  models?: string[];
  max_jobs?: number;
  ttl_s?: number;
};

/** The body of `POST /v1/cache/purge`: answers with one of the tags, of a scope, or `all` alone. */
export type PurgeBody = { tags?: string[]; scope?: string; all?: true };

export type Purged = { object: "purge"; purged: number; has_more: boolean };

export type Token = { token: string; expires_at: string };

export type HealthCheck = { ok: boolean; reason: string | null; backlog?: number };

export type Health = {
  /** `degraded`: something is off, jobs are taken. `down`: they are not. */
  status: "ok" | "degraded" | "down";
  version: string;
  /** Of each dependency. */
  checks?: Record<string, HealthCheck>;
};

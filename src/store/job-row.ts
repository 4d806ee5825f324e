// Rows of the table `jobs` as they come from D1, and their way into a Job.

import type { CacheSettings } from "../core/cache";
import type { ChildCounts, OnChildFailure } from "../core/children";
import type { AttemptRecord, Job, JobError, Progress, WholeJob } from "../core/job";
import type { Lane, Reason, State } from "../core/lifecycle";
import type { Usage } from "../core/usage";
import { fromJson, NOW } from "./db";

/** The columns of a Job, without the large ones at the end of the row. */
export const JOB_COLUMNS = `project_id, id, task, state, reason, channel, lane, priority, model, stream, run, attempt,
  max_attempts, timeout_ms, crashes, turns, version, created_at, run_at, started_at, finished_at, expires_at, lease_until,
  cancel_requested_at, rerun_of, idempotency_key, input_bytes, input_key, output_bytes, output_key, error, progress,
  usage, tags, metadata, fingerprint, retention_ms, erase_at, pool, fair_key, concurrency_key, concurrency_limit, input_chars,
  max_output_tokens, route, key_id, on_budget, parent_id, depth, custom_id, on_child_failure, redo, children_total,
  children_completed, children_failed, children_cancelled, children_input_tokens, children_output_tokens, children_nano_usd,
  cache, cache_key, follows, cached, saved,
  ${NOW} AS read_at`;

export const WHOLE_JOB_COLUMNS = `${JOB_COLUMNS}, attempts, turn_state, input, output`;

export type JobRow = {
  project_id: string;
  id: string;
  task: string;
  state: State;
  reason: Reason | null;
  channel: string | null;
  lane: Lane;
  priority: number;
  model: string | null;
  stream: number;
  run: number;
  attempt: number;
  max_attempts: number;
  timeout_ms: number;
  crashes: number;
  turns: number;
  version: number;
  created_at: number;
  run_at: number;
  started_at: number | null;
  finished_at: number | null;
  expires_at: number | null;
  lease_until: number | null;
  cancel_requested_at: number | null;
  rerun_of: string | null;
  idempotency_key: string | null;
  input_bytes: number;
  input_key: string | null;
  output_bytes: number | null;
  output_key: string | null;
  error: string | null;
  progress: string | null;
  usage: string | null;
  tags: string | null;
  metadata: string | null;
  fingerprint: string | null;
  retention_ms: number | null;
  erase_at: number | null;
  pool: string | null;
  fair_key: string | null;
  concurrency_key: string | null;
  concurrency_limit: number | null;
  input_chars: number | null;
  max_output_tokens: number | null;
  route: string | null;
  key_id: string | null;
  on_budget: "fail" | null;
  parent_id: string | null;
  depth: number | null;
  custom_id: string | null;
  on_child_failure: OnChildFailure | null;
  redo: number | null;
  children_total: number;
  children_completed: number;
  children_failed: number;
  children_cancelled: number;
  children_input_tokens: number;
  children_output_tokens: number;
  children_nano_usd: number;
  cache: string | null;
  cache_key: string | null;
  follows: string | null;
  cached: number | null;
  saved: string | null;
  read_at: number;
};

export type WholeJobRow = JobRow & {
  attempts: string | null;
  turn_state: string | null;
  input: string | null;
  output: string | null;
};

export function toJob(row: JobRow): Job {
  return {
    projectId: row.project_id,
    id: row.id,
    task: row.task,
    state: row.state,
    reason: row.reason,
    channel: row.channel,
    tags: fromJson<string[]>(row.tags) ?? [],
    metadata: fromJson<Record<string, unknown>>(row.metadata),
    lane: row.lane,
    priority: row.priority,
    model: row.model,
    stream: row.stream === 1,
    run: row.run,
    attempt: row.attempt,
    maxAttempts: row.max_attempts,
    timeoutMs: row.timeout_ms,
    crashes: row.crashes,
    turns: row.turns,
    version: row.version,
    createdAt: row.created_at,
    runAt: row.run_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    expiresAt: row.expires_at,
    leaseUntil: row.lease_until,
    cancelRequestedAt: row.cancel_requested_at,
    rerunOf: row.rerun_of,
    idempotencyKey: row.idempotency_key,
    progress: fromJson<Progress>(row.progress),
    error: fromJson<JobError>(row.error),
    usage: fromJson<Usage>(row.usage),
    inputBytes: row.input_bytes,
    inputKey: row.input_key,
    outputBytes: row.output_bytes,
    outputKey: row.output_key,
    fingerprint: row.fingerprint,
    retentionMs: row.retention_ms,
    eraseAt: row.erase_at,
    pool: row.pool,
    fairKey: row.fair_key,
    concurrency:
      row.concurrency_key === null ? null : { key: row.concurrency_key, limit: row.concurrency_limit ?? 1 },
    inputChars: row.input_chars ?? row.input_bytes,
    maxOutputTokens: row.max_output_tokens,
    route: row.route,
    keyId: row.key_id,
    onBudget: row.on_budget ?? "wait",
    parentId: row.parent_id,
    depth: row.depth ?? 0,
    customId: row.custom_id,
    children: row.children_total > 0 ? toCounts(row) : null,
    onChildFailure: row.on_child_failure,
    redo: row.redo === 1,
    cache: fromJson<CacheSettings>(row.cache),
    cacheKey: row.cache_key,
    follows: row.follows,
    cached: row.cached === null ? null : row.cached === 1 ? "fresh" : "stale",
    saved: fromJson<Usage>(row.saved),
    readAt: row.read_at,
  };
}

function toCounts(row: JobRow): ChildCounts {
  return {
    total: row.children_total,
    completed: row.children_completed,
    failed: row.children_failed,
    cancelled: row.children_cancelled,
    inputTokens: row.children_input_tokens,
    outputTokens: row.children_output_tokens,
    nanoUsd: row.children_nano_usd,
  };
}

export function toWholeJob(row: WholeJobRow): WholeJob {
  return {
    ...toJob(row),
    attempts: fromJson<AttemptRecord[]>(row.attempts) ?? [],
    turnState: row.turn_state,
    input: row.input,
    output: row.output,
  };
}

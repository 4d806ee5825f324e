// Makes the things that tests are about; a test names only what matters to it.

import { monotonicFactory } from "ulid";
import type { NewId } from "../../src/core/ids";
import type { Job } from "../../src/core/job";
import type { NewJob } from "../../src/store/submit";

/** The project that the first migration makes. */
export const PROJECT = "default";

const nextUlid = monotonicFactory();

export function anId(prefix: Parameters<NewId>[0] = "job"): string {
  return `${prefix}_${nextUlid()}`;
}

/** A job as it goes to the database for the first time. */
export function aNewJob(over: Partial<NewJob> = {}): NewJob {
  const input = over.input === undefined ? '{"prompt":"Tea in Lisbon"}' : over.input;
  return {
    id: anId(),
    task: "generate",
    channel: null,
    tags: [],
    metadata: null,
    lane: "default",
    priority: 0,
    model: "sandbox/chat",
    stream: false,
    max_attempts: 5,
    timeout_ms: 60_000,
    run_at: null,
    delay_ms: null,
    expires_in_ms: null,
    retention_ms: null,
    pool: null,
    fair_key: null,
    concurrency_key: null,
    concurrency_limit: null,
    input_chars: input?.length ?? 0,
    max_output_tokens: null,
    route: null,
    key_id: null,
    on_budget: null,
    reserve_tokens: null,
    reserve_nano_usd: null,
    rerun_of: null,
    idempotency_key: null,
    hash: null,
    input_bytes: input?.length ?? 0,
    input_key: null,
    parent_id: null,
    depth: null,
    custom_id: null,
    error: null,
    fingerprint: null,
    cache: null,
    cache_key: null,
    ...over,
    input,
  };
}

/** A job as the code sees it, without a database. */
export function aJob(over: Partial<Job> = {}): Job {
  return {
    projectId: PROJECT,
    id: anId(),
    task: "generate",
    state: "pending",
    reason: "queued",
    channel: null,
    tags: [],
    metadata: null,
    lane: "default",
    priority: 0,
    model: "sandbox/chat",
    stream: false,
    run: 0,
    attempt: 0,
    maxAttempts: 5,
    timeoutMs: 60_000,
    crashes: 0,
    turns: 0,
    version: 1,
    createdAt: 1_000,
    runAt: 1_000,
    startedAt: null,
    finishedAt: null,
    expiresAt: null,
    leaseUntil: null,
    cancelRequestedAt: null,
    rerunOf: null,
    idempotencyKey: null,
    progress: null,
    error: null,
    usage: null,
    inputBytes: 0,
    inputKey: null,
    outputBytes: null,
    outputKey: null,
    fingerprint: null,
    retentionMs: null,
    eraseAt: null,
    pool: null,
    fairKey: null,
    concurrency: null,
    inputChars: 0,
    maxOutputTokens: null,
    route: null,
    keyId: null,
    onBudget: "wait",
    parentId: null,
    depth: 0,
    customId: null,
    children: null,
    onChildFailure: null,
    redo: false,
    cache: null,
    cacheKey: null,
    follows: null,
    cached: null,
    saved: null,
    readAt: 2_000,
    ...over,
  };
}

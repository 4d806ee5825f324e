// From a job in the code to the job on the wire.

import type { ChildCounts } from "../core/children";
import { childProgress } from "../core/events";
import type { Job, WholeJob } from "../core/job";
import { SHOWN_OUTPUT_BYTES } from "../core/limits";
import type { Usage } from "../core/usage";
import type { JobOnWire } from "./job";

/** As lists and snapshots show it: without input, output and attempts. */
export function presentJob(job: Job): JobOnWire {
  return {
    id: job.id,
    object: "job",
    task: job.task,
    state: job.state,
    // The row keeps the reason it was written with; once the time has come, the job is in line like any other.
    reason: job.reason === "scheduled" && job.runAt <= job.readAt ? "queued" : job.reason,
    channel: job.channel,
    tags: job.tags,
    metadata: job.metadata,
    lane: job.lane,
    priority: job.priority,
    stream: job.stream,
    model: job.model,
    pool: job.pool,
    fair_key: job.fairKey,
    concurrency: job.concurrency,
    on_budget: job.onBudget,
    run: job.run,
    attempt: job.attempt,
    max_attempts: job.maxAttempts,
    timeout_s: job.timeoutMs / 1_000,
    progress: job.children ? childProgress(job.children) : job.progress,
    output: null,
    output_bytes: job.outputBytes,
    output_url: job.outputBytes === null ? null : `/v1/jobs/${job.id}/output`,
    error: job.error,
    usage: job.usage,
    cached: job.cached !== null,
    saved: job.saved && presentSaved(job.saved),
    cancel_requested_at: iso(job.cancelRequestedAt),
    rerun_of: job.rerunOf,
    parent: job.parentId,
    custom_id: job.customId,
    children: job.children && presentChildren(job.children),
    created_at: new Date(job.createdAt).toISOString(),
    run_at: new Date(job.runAt).toISOString(),
    started_at: iso(job.startedAt),
    finished_at: iso(job.finishedAt),
    expires_at: iso(job.expiresAt),
    retention_s: job.retentionMs === null ? null : job.retentionMs / 1_000,
    fingerprint: job.fingerprint,
    version: job.version,
  };
}

function presentSaved({ input_tokens, output_tokens, cost_usd }: Usage): NonNullable<JobOnWire["saved"]> {
  return { input_tokens, output_tokens, cost_usd };
}

function presentChildren(children: ChildCounts): NonNullable<JobOnWire["children"]> {
  const { total, completed, failed, cancelled, inputTokens, outputTokens, nanoUsd } = children;
  const used = { input_tokens: inputTokens, output_tokens: outputTokens, cost_usd: nanoUsd / 1e9 };
  return { total, completed, failed, cancelled, ...used };
}

/** With its attempts, and its output (JSON text) unless that is large. */
export function presentWholeJob(job: WholeJob, output: string | null): JobOnWire {
  const shown = output !== null && (job.outputBytes ?? 0) <= SHOWN_OUTPUT_BYTES;
  return {
    ...presentJob(job),
    output: shown ? JSON.parse(output) : null,
    attempts: job.attempts,
  };
}

function iso(instant: number | null): string | null {
  return instant === null ? null : new Date(instant).toISOString();
}

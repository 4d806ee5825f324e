// Jobs and events as the server tells them.

import type { Job } from "../../client/src/wire";
import type { EventFrame } from "../../client/src/wire-frames";

const BARE: Job = {
  ...{ id: "j", object: "job", task: "generate", state: "pending", reason: "queued", channel: "c", tags: [] },
  ...{ metadata: null, lane: "default", priority: 0, stream: false, model: null, pool: null, fair_key: null },
  ...{ concurrency: null, on_budget: "wait", run: 0, attempt: 0, max_attempts: 5, timeout_s: 600 },
  ...{ progress: null, output: null, output_bytes: null, output_url: null, error: null, usage: null },
  ...{ cancel_requested_at: null, rerun_of: null, created_at: "2026-01-01T00:00:00.000Z" },
  ...{ run_at: "2026-01-01T00:00:00.000Z", started_at: null, finished_at: null, expires_at: null },
  ...{ retention_s: null, fingerprint: null, version: 1, parent: null, custom_id: null, children: null },
  ...{ cached: false, saved: null },
};

export const wireJob = (over: Partial<Job> = {}): Job => ({ ...BARE, ...over });

let told = 0;

/** The event with which the job has become what it is. */
export function moveOf(type: `job.${string}`, job: Job): EventFrame {
  const { id: job_id, task, channel, version, state, error, run, attempt } = job;
  const at = "2026-01-01T00:00:01.000Z";
  const move = { type, job_id, task, channel, version, at, state, reason: null, run, attempt, error };
  return { ...move, cursor: `1.${++told}` } as EventFrame;
}

export function progressOf({ id: job_id, version, run }: Job, done: number): EventFrame {
  const at = "2026-01-01T00:00:01.000Z";
  const cursor = `1.${++told}`;
  return { type: "job.progress", job_id, version, at, run, done, total: 9, message: null, cursor };
}

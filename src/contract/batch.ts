// Batches on the wire: how far one is, and what it will take.

import { z } from "@hono/zod-openapi";
import { paceOf } from "../core/events";
import type { Job } from "../core/job";
import { jobSchema } from "./job";
import { presentJob } from "./present";
import { submitSettings } from "./submit";

/** What a batch says of itself as a job. The rest of its request is the input of the task `batch`. */
export const batchSettings = submitSettings.pick({
  channel: true,
  tags: true,
  metadata: true,
  lane: true,
  priority: true,
  run_at: true,
  delay_s: true,
  expires_in_s: true,
  retention_s: true,
  fair_key: true,
  on_budget: true,
}).shape;

const jobFields = jobSchema.pick({
  id: true,
  state: true,
  reason: true,
  channel: true,
  tags: true,
  metadata: true,
  lane: true,
  priority: true,
  error: true,
  created_at: true,
  run_at: true,
  started_at: true,
  finished_at: true,
  expires_at: true,
  version: true,
}).shape;

export const batchSchema = z
  .object({
    ...jobFields,
    object: z.literal("batch"),
    all_read: z.boolean().openapi({
      description: "Whether every line of its file has become an item: from then on `total` is final.",
    }),
    counts: z
      .object({ total: z.int(), completed: z.int(), failed: z.int(), cancelled: z.int(), open: z.int() })
      .openapi({ description: "Of its items. Exact at any moment." }),
    pace: z
      .object({ per_s: z.number().nullable(), eta_s: z.number().nullable() })
      .openapi({ description: "Items that end in a second, and the seconds until all have." }),
    usage: z
      .object({ input_tokens: z.int(), output_tokens: z.int(), cost_usd: z.number() })
      .openapi({ description: "Of the items that have ended." }),
    output_url: z.string(),
    errors_url: z.string(),
    items_url: z.string(),
  })
  .openapi("Batch");

export type BatchOnWire = z.infer<typeof batchSchema>;

/** A job of the task `batch`, as a batch. */
export function presentBatch(job: Job): BatchOnWire {
  const shown = presentJob(job);
  const { total, completed, failed, cancelled, ...usage } = shown.children ?? NO_ITEMS;
  return {
    id: job.id,
    object: "batch",
    state: shown.state,
    reason: shown.reason,
    channel: shown.channel,
    tags: shown.tags,
    metadata: shown.metadata,
    lane: shown.lane,
    priority: shown.priority,
    error: shown.error,
    created_at: shown.created_at,
    run_at: shown.run_at,
    started_at: shown.started_at,
    finished_at: shown.finished_at,
    expires_at: shown.expires_at,
    version: shown.version,
    all_read: job.onChildFailure !== null,
    counts: { total, completed, failed, cancelled, open: total - completed - failed - cancelled },
    pace: paceOf(job),
    usage,
    output_url: `/v1/batches/${job.id}/output`,
    errors_url: `/v1/batches/${job.id}/errors`,
    items_url: `/v1/jobs?parent=${job.id}`,
  };
}

const NO_ITEMS = {
  total: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
  input_tokens: 0,
  output_tokens: 0,
  cost_usd: 0,
};

export const estimateSchema = z
  .object({
    object: z.literal("batch_estimate"),
    items: z.int(),
    broken: z.int().openapi({ description: "Items that cannot be jobs, and would fail." }),
    sampled: z.boolean().openapi({
      description: "Whether only the beginning of the file was looked at, and the rest counted by its size.",
    }),
    input_tokens: z.int(),
    output_tokens: z.int(),
    cost_usd: z.number().nullable().openapi({ description: "Null: a model has no price." }),
    duration_s: z
      .number()
      .nullable()
      .openapi({ description: "By the limits of the models' pools. Null: none of them has a limit." }),
    basis: z
      .enum(["history", "max_output_tokens", "assumption"])
      .openapi({ description: "Where the number of output tokens comes from." }),
  })
  .openapi("BatchEstimate");

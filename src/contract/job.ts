// The job on the wire, as it comes back. What is sent to submit one is in submit.ts.

import { z } from "@hono/zod-openapi";
import { LANES, SHOWN_REASONS, STATES } from "../core/lifecycle";
import { LIMITS } from "../core/limits";
import { savedSchema } from "./cache";
import { plainText } from "./text";

const instant = z.iso.datetime();

export const laneSchema = z.enum(LANES);
export const stateSchema = z.enum(STATES);

export const channelSchema = plainText(LIMITS.channelLength).openapi({
  description:
    "Who listens: events of all jobs of a channel arrive on one socket. Any name, a user's id for instance.",
  example: "user-42",
});
export const tagSchema = plainText(LIMITS.tagLength);
export const idempotencyKeySchema = plainText(LIMITS.idempotencyKeyLength);

export const concurrencySchema = z
  .strictObject({
    key: plainText(LIMITS.concurrencyKeyLength),
    limit: z.int().min(1).max(LIMITS.concurrency),
  })
  .openapi("Concurrency");

/** `nullable()` on a schema with a name comes out in the document as one that null does not fit. */
function orNull<T extends z.ZodType>(named: T) {
  return z.union([named, z.null()]);
}

const jobErrorSchema = z
  .object({ code: z.string(), message: z.string(), retryable: z.boolean() })
  .openapi("JobError");

const usageSchema = z
  .object({
    input_tokens: z.number(),
    output_tokens: z.number(),
    cached_tokens: z.number(),
    reasoning_tokens: z.number(),
    cost_usd: z
      .number()
      .nullable()
      .openapi({ description: "Null when the model has no price in PROVIDERS." }),
    estimated: z
      .literal(true)
      .optional()
      .openapi({ description: "The provider sent no count; this is a guess." }),
  })
  .openapi("Usage");

const attemptSchema = z
  .object({
    attempt: z.int(),
    started_at: instant,
    ended_at: instant,
    error: orNull(jobErrorSchema),
    model: z.string().nullable(),
    key: z
      .string()
      .optional()
      .openapi({ description: "The name of the secret that was used, when the provider has several keys." }),
    usage: usageSchema,
  })
  .openapi("Attempt");

const progressSchema = z
  .object({ done: z.number(), total: z.number().nullable(), message: z.string().nullable() })
  .openapi("Progress");

const childrenSchema = z
  .object({
    total: z.int(),
    completed: z.int(),
    failed: z.int(),
    cancelled: z.int(),
    input_tokens: z
      .int()
      .openapi({ description: "Of those that have ended, as are output_tokens and cost_usd." }),
    output_tokens: z.int(),
    cost_usd: z.number(),
  })
  .openapi("Children");

export const jobSchema = z
  .object({
    id: z.string().openapi({ example: "job_01KAM2T2Q5W4R0E8Z6S3N7Y9XB" }),
    object: z.literal("job"),
    task: z.string(),
    state: stateSchema,
    reason: z.enum(SHOWN_REASONS).nullable().openapi({ description: "Why a pending job is not running." }),
    channel: z.string().nullable(),
    tags: z.array(z.string()),
    metadata: z.record(z.string(), z.unknown()).nullable(),
    lane: laneSchema,
    priority: z.int(),
    stream: z.boolean(),
    model: z.string().nullable(),
    pool: z.string().nullable().openapi({ description: "The gate whose turn it waits for; null: none." }),
    fair_key: z.string().nullable(),
    concurrency: orNull(concurrencySchema),
    on_budget: z.enum(["wait", "fail"]),
    run: z.int().openapi({ description: "How often it was started, for whatever reason." }),
    attempt: z.int().openapi({ description: "Tries used." }),
    max_attempts: z.int(),
    timeout_s: z.number(),
    progress: orNull(progressSchema),
    output: z
      .unknown()
      .nonoptional()
      .openapi({ description: "Null until the end, and when it is large: see output_url." }),
    output_bytes: z.int().nullable(),
    output_url: z.string().nullable(),
    error: orNull(jobErrorSchema),
    attempts: z
      .array(attemptSchema)
      .optional()
      .openapi({ description: "All of them, each turn too, up to the last 100. Left out of lists." }),
    usage: orNull(usageSchema),
    cached: z.boolean().openapi({
      description: "Answered by the cache, or by the call of an equal job: it made none itself.",
    }),
    saved: orNull(savedSchema),
    cancel_requested_at: instant.nullable(),
    rerun_of: z.string().nullable(),
    parent: z.string().nullable().openapi({ description: "The job that has made it and waits for it." }),
    custom_id: z
      .string()
      .nullable()
      .openapi({ description: "What its parent, or who made the batch, calls it." }),
    children: orNull(childrenSchema),
    created_at: instant,
    run_at: instant,
    started_at: instant.nullable(),
    finished_at: instant.nullable(),
    expires_at: instant.nullable(),
    retention_s: z
      .number()
      .nullable()
      .openapi({ description: "Seconds it is kept after its end; null: RETENTION_DAYS." }),
    fingerprint: z
      .string()
      .nullable()
      .openapi({ description: "Of the cause of a failure, equal for equal causes: see GET /v1/failures." }),
    version: z
      .int()
      .openapi({ description: "Rises with every change: an event with a lower one is old news." }),
  })
  .openapi("Job");

export type JobOnWire = z.infer<typeof jobSchema>;

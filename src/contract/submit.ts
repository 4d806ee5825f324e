// What is sent to submit jobs.

import { z } from "@hono/zod-openapi";
import { LIMITS } from "../core/limits";
import { cacheSchema } from "./cache";
import { channelSchema, concurrencySchema, idempotencyKeySchema, laneSchema, tagSchema } from "./job";
import { plainText } from "./text";

const metadataSchema = z
  .record(z.string(), z.unknown())
  .refine(
    (metadata) => new TextEncoder().encode(JSON.stringify(metadata)).byteLength <= LIMITS.metadataBytes,
    {
      message: `expected at most ${LIMITS.metadataBytes} bytes of JSON`,
    },
  );

const submitFields = {
  task: z.string().min(1).max(64).openapi({ example: "generate" }),
  input: z
    .unknown()
    .nonoptional()
    .openapi({
      description: "The task's input; its schema is in GET /v1/tasks. At most 1 MB of JSON.",
      example: { prompt: "Write a haiku about queues." },
    }),
  channel: channelSchema.optional(),
  tags: z.array(tagSchema).max(LIMITS.tags).optional(),
  metadata: metadataSchema
    .optional()
    .openapi({ description: "Your own data, at most 16 KB. Comes back with the job." }),
  lane: laneSchema
    .optional()
    .openapi({ description: "Default: `default`. `bulk` never stands before the others." }),
  priority: z.int().min(-100).max(100).optional().openapi({ description: "Default 0; higher goes first." }),
  run_at: z.iso
    .datetime("expected an ISO 8601 instant in UTC, such as 2026-01-31T12:00:00Z")
    .optional()
    .openapi({ description: "Not before this instant. Excludes delay_s." }),
  delay_s: z
    .number()
    .min(0)
    .max(LIMITS.delayS)
    .optional()
    .openapi({ description: "Not before so many seconds." }),
  expires_in_s: z.number().gt(0).max(LIMITS.expiresInS).optional().openapi({
    description:
      "A job that is still, or again, waiting for its turn after so many seconds fails with `expired`.",
  }),
  max_attempts: z.int().min(1).max(LIMITS.maxAttempts).optional(),
  timeout_s: z.number().min(1).max(LIMITS.timeoutS).optional().openapi({ description: "Per attempt." }),
  retention_s: z.number().gt(0).max(LIMITS.retentionS).optional().openapi({
    description: "The job is erased so many seconds after its end. Default: the deployment's RETENTION_DAYS.",
  }),
  fair_key: plainText(LIMITS.fairKeyLength).optional().openapi({
    description: "An end user of yours: within a project's share of a pool, these take turns.",
  }),
  concurrency: concurrencySchema
    .optional()
    .openapi({ description: "At most `limit` jobs with this key run at once, whatever models they use." }),
  on_budget: z.enum(["wait", "fail"]).optional().openapi({
    description: "When a budget is used up: wait until there is room again (default), or fail.",
  }),
  cache: cacheSchema.optional().openapi({
    description:
      "Share answers with equal jobs: of the same task, input and models. Left out: each job asks for itself.",
  }),
  stream: z.boolean().optional().openapi({
    description:
      "Keep its text as the model writes it, its progress and its end in a stream: `GET /v1/jobs/{id}/stream`.",
  }),
};

const oneStart = {
  check: (job: { run_at?: string; delay_s?: number }) =>
    job.run_at === undefined || job.delay_s === undefined,
  problem: { message: "expected either run_at or delay_s, got both", path: ["delay_s"] },
};

export const submitSchema = z
  .strictObject(submitFields)
  .refine(oneStart.check, oneStart.problem)
  .openapi("SubmitJob");

/** What a job says of itself, whatever its task. */
export const submitSettings = z.strictObject(submitFields).omit({ task: true, input: true });

/** What somebody waits for: it is due at once, before all others, and streams. */
export const generateSchema = z
  .strictObject(submitFields)
  .omit({ task: true, lane: true, run_at: true, delay_s: true, stream: true })
  .openapi("Generate");

export const bulkSchema = z
  .strictObject({
    jobs: z
      .array(
        z
          .strictObject({ ...submitFields, idempotency_key: idempotencyKeySchema.optional() })
          .refine(oneStart.check, oneStart.problem),
      )
      .min(1)
      .max(LIMITS.bulkJobs),
  })
  .openapi("SubmitJobs");

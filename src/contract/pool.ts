// Pools and explanations on the wire: whose turn it is, and why not yet.

import { z } from "@hono/zod-openapi";
import { LANES, SHOWN_REASONS, STATES } from "../core/lifecycle";

const limit = z.number().nullable();

const limitsSchema = z
  .object({ rpm: limit, tpm: limit, rpd: limit, tpd: limit, concurrency: limit })
  .openapi("PoolLimits", {
    description: "Requests and tokens a minute and a day (UTC), calls at the same time. Null: no limit.",
  });

const byMinuteSchema = z.object({ requests: limit, tokens: limit });

const usedSchema = z.object({ requests: z.number(), tokens: z.number() });

export const poolSchema = z
  .object({
    id: z.string().openapi({ example: "openai/gpt-5-mini" }),
    object: z.literal("pool"),
    limits: z.object({
      configured: limitsSchema,
      in_force: byMinuteSchema.openapi({
        description:
          "What the gate goes by: configured, announced by the provider, or learned. By the minute.",
      }),
    }),
    used_last_minute: usedSchema,
    used_today: usedSchema,
    remaining: byMinuteSchema,
    in_flight: z.int(),
    waiting: z
      .array(
        z.object({
          project: z.string(),
          lane: z.enum(LANES),
          jobs: z.int().openapi({ description: "At most 100,000 are counted." }),
        }),
      )
      .openapi({ description: "Of all projects for the root key, of its own for another." }),
    window: z.object({ jobs: z.int(), flows: z.int() }).openapi({
      description:
        "The head of the line, which the gate holds in memory. A flow: a project's jobs of one lane.",
    }),
    learned: z.object({
      chars_per_token: z.number(),
      output_tokens: z.record(z.string(), z.number()).openapi({ description: "By task." }),
      requests_per_minute: limit.openapi({
        description: "A limit that was found by being refused. Null: none.",
      }),
      run_ms: limit.openapi({ description: "How long a run takes." }),
    }),
    backing_off_until: z.iso
      .datetime()
      .nullable()
      .openapi({ description: "The provider said that it is too much." }),
    circuit: z.object({
      state: z.enum(["closed", "open", "half_open"]),
      until: z.iso.datetime().nullable(),
    }),
    paused: z.boolean().openapi({ description: "By POST /v1/pauses." }),
  })
  .openapi("Pool");

export type PoolOnWire = z.infer<typeof poolSchema>;

const newLimit = z.int().positive().nullable().optional();

export const limitPoolSchema = z
  .strictObject({ rpm: newLimit, tpm: newLimit, rpd: newLimit, tpd: newLimit, concurrency: newLimit })
  .openapi("LimitPool", {
    description: "Limits that overrule the settings until they are changed again. Null: as the settings say.",
  });

export const explanationSchema = z
  .object({
    object: z.literal("explanation"),
    job_id: z.string(),
    state: z.enum(STATES),
    reason: z.enum(SHOWN_REASONS).nullable().openapi({ description: "Null for a job that does not wait." }),
    message: z.string().openapi({
      example: "60,000 tokens a minute are used up: 412 are left, this job needs about 900.",
    }),
    pool: z.string().nullable(),
    limit: z
      .object({ name: z.string(), limit: z.number(), used: z.number() })
      .nullable()
      .openapi({ description: "The limit that it waits for." }),
    position: z.int().nullable().openapi({ description: "Place in line, over all projects; 1 is next." }),
    eta: z
      .object({ earliest: z.iso.datetime(), latest: z.iso.datetime() })
      .nullable()
      .openapi({ description: "When it is expected to start." }),
    waiting_since: z.iso.datetime().nullable(),
  })
  .openapi("Explanation");

export type ExplanationOnWire = z.infer<typeof explanationSchema>;

// Operations on many jobs, on the wire: which jobs, what is done to them, how far it is.

import { z } from "@hono/zod-openapi";
import { STATES } from "../core/lifecycle";
import { ACTIONS, ALL_PROJECTS, type JobFilter, type Operation } from "../core/operation";
import { channelSchema, tagSchema } from "./job";

const instant = z.iso.datetime("expected an ISO 8601 instant in UTC, such as 2026-01-31T12:00:00Z");

const FINGERPRINT = /^[0-9a-f]{16}$/;

const filterFields = {
  task: z.string().min(1).max(64).optional(),
  channel: channelSchema.optional(),
  tag: tagSchema.optional(),
  created_after: instant.optional(),
  created_before: instant.optional(),
};

export const fingerprintSchema = z
  .string()
  .regex(FINGERPRINT, "expected 16 hex digits, as GET /v1/failures gives them")
  .openapi({ description: "Jobs that failed for this cause.", example: "9c1f0b7ae2d45368" });

const open = z.enum(["pending", "running", "waiting"]).optional();
const retriable = z.enum(["failed", "cancelled"]).optional();

const RATE = { description: "Jobs a second that are started. Default: all at once." };

export const cancelJobsSchema = z
  .strictObject({ filter: z.strictObject({ ...filterFields, state: open }) })
  .openapi("CancelJobs");

export const retryJobsSchema = z
  .strictObject({
    filter: z.strictObject({
      ...filterFields,
      state: retriable.openapi({ description: "Default: `failed`." }),
      fingerprint: fingerprintSchema.optional(),
    }),
    rate: z.number().min(0.01).max(1_000).optional().openapi(RATE),
  })
  .openapi("RetryJobs");

export const eraseJobsSchema = z
  .strictObject({
    filter: z
      .strictObject({ ...filterFields, state: z.enum(STATES).optional() })
      .refine((filter) => filter.channel !== undefined || filter.tag !== undefined, {
        message: "expected a channel or a tag, so that not everything is erased by mistake",
        path: ["channel"],
      }),
  })
  .openapi("EraseJobs");

export const operationSchema = z
  .object({
    id: z.string().openapi({ example: "op_01KAM2T2Q5W4R0E8Z6S3N7Y9XB" }),
    object: z.literal("operation"),
    action: z.enum(ACTIONS),
    project: z.string().nullable().openapi({ description: "Whose jobs they are; null: of every project." }),
    filter: z.record(z.string(), z.string()),
    rate: z.number().nullable(),
    state: z.enum(["running", "completed"]),
    changed: z.int().openapi({ description: "Jobs it has changed so far." }),
    created_at: z.iso.datetime(),
    finished_at: z.iso.datetime().nullable(),
  })
  .openapi("Operation");

export type OperationOnWire = z.infer<typeof operationSchema>;

type FilterOnWire = Omit<JobFilter, "createdAfter" | "createdBefore"> & {
  created_after?: string;
  created_before?: string;
};

export function toFilter({ created_after, created_before, ...same }: FilterOnWire): JobFilter {
  return {
    ...same,
    ...(created_after === undefined ? {} : { createdAfter: Date.parse(created_after) }),
    ...(created_before === undefined ? {} : { createdBefore: Date.parse(created_before) }),
  };
}

export function presentOperation(operation: Operation): OperationOnWire {
  const { createdAfter, createdBefore, ...same } = operation.filter;
  return {
    id: operation.id,
    object: "operation",
    action: operation.action,
    project: operation.target === ALL_PROJECTS ? null : operation.target,
    filter: {
      ...same,
      ...(createdAfter === undefined ? {} : { created_after: iso(createdAfter) }),
      ...(createdBefore === undefined ? {} : { created_before: iso(createdBefore) }),
    },
    rate: operation.rate,
    state: operation.finishedAt === null ? "running" : "completed",
    changed: operation.changed,
    created_at: iso(operation.createdAt),
    finished_at: operation.finishedAt === null ? null : iso(operation.finishedAt),
  };
}

function iso(instant: number): string {
  return new Date(instant).toISOString();
}

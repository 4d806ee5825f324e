// Projects, keys and browser tokens on the wire.

import { z } from "@hono/zod-openapi";
import { LIMITS } from "../core/limits";
import { ALLOWANCES, SCOPES } from "../core/scopes";
import { channelSchema } from "./job";
import { plainText } from "./text";

export const projectIdSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "expected 1 to 63 lowercase letters, digits or hyphens")
  .openapi({ example: "acme" });

const retentionSchema = z.number().gt(0).max(LIMITS.retentionS).nullable().optional().openapi({
  description: "Seconds its ended jobs and its files are kept; null: the deployment's RETENTION_DAYS.",
});

const weightSchema = z.number().min(0.01).max(1_000).optional().openapi({
  description: "Its share of a limited pool's tokens beside other projects that wait for it. Default 1.",
});

export const createProjectSchema = z
  .strictObject({
    id: projectIdSchema,
    name: plainText(100).optional(),
    retention_s: retentionSchema,
    weight: weightSchema,
  })
  .openapi("CreateProject");

export const updateProjectSchema = z
  .strictObject({ name: plainText(100).optional(), retention_s: retentionSchema, weight: weightSchema })
  .openapi("UpdateProject");

export const projectSchema = z
  .object({
    id: z.string(),
    object: z.literal("project"),
    name: z.string(),
    retention_s: z.number().nullable(),
    weight: z.number(),
    created_at: z.iso.datetime(),
  })
  .openapi("Project");

export const createKeySchema = z
  .strictObject({
    name: plainText(100).optional(),
    scopes: z
      .array(z.enum(SCOPES))
      .min(1)
      .max(SCOPES.length)
      .optional()
      .openapi({ description: "Default: jobs:read and jobs:write." }),
  })
  .openapi("CreateKey");

export const keySchema = z
  .object({
    id: z.string(),
    object: z.literal("key"),
    project: z.string(),
    name: z.string().nullable(),
    hint: z.string().openapi({ description: "The last four characters." }),
    scopes: z.array(z.enum(SCOPES)),
    created_at: z.iso.datetime(),
  })
  .openapi("Key");

export const newKeySchema = keySchema
  .extend({
    key: z.string().openapi({ description: "The key itself. It is shown this once and not stored." }),
  })
  .openapi("NewKey");

const tokenFields = {
  channel: channelSchema.optional(),
  job: z.string().optional().openapi({ description: "The id of the one job it may read." }),
  allow: z.array(z.enum(ALLOWANCES)).min(1).max(ALLOWANCES.length),
  tasks: z.array(z.string().max(64)).min(1).max(50).optional(),
  models: z.array(z.string().max(200)).min(1).max(50).optional().openapi({
    description: "As `provider/model`.",
  }),
  max_jobs: z.int().min(1).max(1_000_000).optional(),
  ttl_s: z.int().min(1).max(LIMITS.tokenTtlS).optional().openapi({ description: "Default 900." }),
};

export const createTokenSchema = z
  .strictObject(tokenFields)
  .refine((token) => (token.channel === undefined) !== (token.job === undefined), {
    message: "expected either channel or job",
    path: ["channel"],
  })
  .refine((token) => token.job === undefined || !token.allow.includes("submit"), {
    message: "a token for one job can only read; give a channel to allow submit",
    path: ["allow"],
  })
  .openapi("CreateToken");

export const tokenSchema = z.object({ token: z.string(), expires_at: z.iso.datetime() }).openapi("Token");

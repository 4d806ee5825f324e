// The cache on the wire: how a job uses it, and what is taken out of it.

import { z } from "@hono/zod-openapi";
import { CACHE_MODES } from "../core/cache";
import { LIMITS } from "../core/limits";
import { plainText } from "./text";

const scopeSchema = plainText(LIMITS.cacheScopeLength).openapi({
  description: "A cache of its own: answers of another scope, or of none, are not seen.",
});

const tagsSchema = z.array(plainText(LIMITS.tagLength)).max(LIMITS.tags);

export const cacheSchema = z
  .strictObject({
    ttl_s: z
      .number()
      .gt(0)
      .max(LIMITS.cacheTtlS)
      .optional()
      .openapi({ description: "How old an answer may be. Default: 86,400, a day." }),
    stale_s: z.number().min(0).max(LIMITS.cacheTtlS).optional().openapi({
      description: "For so much longer it is given while a new one is made behind it. Default: 0.",
    }),
    mode: z.enum(CACHE_MODES).optional().openapi({
      description: "`refresh` asks anew and keeps the answer, `off` uses no cache. Default: `use`.",
    }),
    scope: scopeSchema.optional(),
    tags: tagsSchema.optional().openapi({ description: "For purging the answer that this job makes." }),
  })
  .openapi("Cache");

export const savedSchema = z
  .object({
    input_tokens: z.int().openapi({ description: "What the call has used that the job did without." }),
    output_tokens: z.int(),
    cost_usd: z.number().nullable(),
  })
  .openapi("Saved");

export const purgeSchema = z
  .strictObject({
    tags: tagsSchema.min(1).optional().openapi({ description: "Answers with any of these." }),
    scope: scopeSchema.optional(),
    all: z.literal(true).optional().openapi({ description: "All answers of the project." }),
  })
  .refine(({ tags, scope, all }) => (all ? !tags && scope === undefined : tags || scope !== undefined), {
    message: "expected tags, a scope or both, or all alone",
    path: ["tags"],
  })
  .openapi("PurgeCache");

export const purgedSchema = z
  .object({
    object: z.literal("purge"),
    purged: z.int().openapi({ description: "Answers that this call has removed." }),
    has_more: z.boolean().openapi({ description: "There were more than one call removes: ask again." }),
  })
  .openapi("Purged");

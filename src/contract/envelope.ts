// The shapes around things: errors and lists.

import { z } from "@hono/zod-openapi";

export const errorSchema = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string().openapi({ example: "invalid_request_error" }),
      code: z.string().openapi({ example: "input_invalid" }),
      param: z.string().nullable().openapi({ example: "input.messages[0].role" }),
      errors: z
        .array(z.object({ index: z.int().optional(), param: z.string(), message: z.string() }))
        .optional()
        .openapi({
          description: "Every problem, when there is more than one or its `index` in a list is to be told.",
        }),
      job_ids: z.array(z.string()).optional().openapi({
        description: "With 503 to a submit: jobs of which it is not known whether they were stored.",
      }),
      request_id: z.string(),
    }),
  })
  .openapi("Error");

/** A whole list: nothing is left out. */
export function listOf<T extends z.ZodType>(item: T) {
  return z.object({ object: z.literal("list"), data: z.array(item) });
}

/** A page of a longer list. It may hold fewer than `limit`, or none, and still have more behind it. */
export function pageOf<T extends z.ZodType>(item: T) {
  return listOf(item).extend({ has_more: z.boolean(), next_cursor: z.string().nullable() });
}

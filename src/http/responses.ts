// How routes describe their answers in the OpenAPI document.

import type { z } from "@hono/zod-openapi";
import { errorSchema } from "../contract/envelope";

/** An answer in JSON. */
export function json<T extends z.ZodType>(schema: T, description: string) {
  return { description, content: { "application/json": { schema } } };
}

/** A request body in JSON. */
export function body<T extends z.ZodType>(schema: T) {
  return { body: { required: true, content: { "application/json": { schema } } } };
}

/** The one answer for everything that goes wrong; docs/errors.md lists the codes. */
export const failures = { default: json(errorSchema, "An error: see its code.") };

/** A key or a token, as `Authorization: Bearer …`. */
export const bearer = [{ bearer: [] }];

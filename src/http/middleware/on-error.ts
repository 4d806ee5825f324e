// Turns whatever was thrown into the one error envelope.

import type { ErrorHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { AppError } from "../../core/errors";
import { errorField, log } from "../../log";
import type { HttpContext, HttpEnv } from "../context";

export const onError: ErrorHandler<HttpEnv> = (thrown, c) => respond(c, toAppError(thrown));

function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  // The only one that hono throws on its own here: the body could not be parsed.
  if (thrown instanceof HTTPException && thrown.status === 400)
    return new AppError("invalid_json", { cause: thrown });
  return new AppError("internal", { cause: thrown });
}

/** The envelope, with Retry-After where there is one. What goes wrong on our side is logged with its cause. */
export function respond(c: HttpContext, error: AppError): Response {
  const { code, message, type, param, errors, status } = error;
  if (status >= 500) {
    log("request_failed", { request: c.var.requestId, code, cause: errorField(error.cause ?? error) });
  }
  const headers = new Headers({ "content-type": "application/json" });
  if (error.retryAfterMs !== null) headers.set("retry-after", String(Math.ceil(error.retryAfterMs / 1_000)));
  // A single problem is told by message and param; in a list its index is told too.
  const tellAll = errors && (errors.length > 1 || errors[0]?.index !== undefined);
  const unsure = error.jobIds ? { job_ids: error.jobIds } : {};
  const envelope = { message, type, code, param, ...(tellAll ? { errors } : {}), ...unsure };
  return new Response(JSON.stringify({ error: { ...envelope, request_id: c.var.requestId } }), {
    status,
    headers,
  });
}

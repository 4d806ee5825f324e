// Everything this client throws: one class, and a subclass for each way in which one would react.

import { type ClientErrorCode, type ErrorCode, isPassing } from "./error-codes.ts";
import type { Job } from "./wire.ts";
import type { ErrorBody, Problem } from "./wire-lists.ts";

export type ErrorFields = {
  message: string;
  code: string;
  type: string;
  status?: number;
  param?: string | null;
  requestId?: string | null;
  retryAfterMs?: number | null;
  problems?: Problem[];
  jobIds?: string[];
  cause?: unknown;
};

export class ErrandError extends Error {
  /** Decide by it: messages may be reworded. Newer servers may have codes that are not in the list. */
  readonly code: ErrorCode | ClientErrorCode | (string & {});
  /** Null: there was no answer over HTTP. */
  readonly status: number | null;
  readonly type: string;
  /** The field that is wrong, as a path: `input.messages[0].role`. */
  readonly param: string | null;
  /** Under which the server's log knows the request. */
  readonly requestId: string | null;
  /** How long the server asks to wait before the next try. */
  readonly retryAfterMs: number | null;
  /** Each thing that is wrong, when there are several; in a bulk with the index of its job. */
  readonly problems: Problem[];
  /** Of a submit that failed so that nobody knows whether these jobs were stored. */
  readonly jobIds: string[];

  constructor(fields: ErrorFields) {
    super(fields.message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.code = fields.code;
    this.status = fields.status ?? null;
    this.type = fields.type;
    this.param = fields.param ?? null;
    this.requestId = fields.requestId ?? null;
    this.retryAfterMs = fields.retryAfterMs ?? null;
    this.problems = fields.problems ?? [];
    this.jobIds = fields.jobIds ?? [];
  }

  // Not `constructor.name`, which a minifier changes.
  override get name(): string {
    return "ErrandError";
  }
}

/** 400, 405, 413, 415, 422: the request itself is wrong. */
export class InvalidRequestError extends ErrandError {
  override get name() {
    return "InvalidRequestError";
  }
}

/** 401: no key or token, or one that is not valid (any more). */
export class AuthenticationError extends ErrandError {
  override get name() {
    return "AuthenticationError";
  }
}

/** 403: this key or token may not do that. */
export class PermissionError extends ErrandError {
  override get name() {
    return "PermissionError";
  }
}

/** 404, 410: there is no such thing (any more), or none that this key or token may see. */
export class NotFoundError extends ErrandError {
  override get name() {
    return "NotFoundError";
  }
}

/** 409: not in this state, or not with this idempotency key. */
export class ConflictError extends ErrandError {
  override get name() {
    return "ConflictError";
  }
}

/** 429: too many requests or jobs; `retryAfterMs` says how long to wait. */
export class RateLimitError extends ErrandError {
  override get name() {
    return "RateLimitError";
  }
}

/** 5xx: something broke on the side of the server. */
export class ServerError extends ErrandError {
  override get name() {
    return "ServerError";
  }
}

/** Nobody answered. */
export class ConnectionError extends ErrandError {
  constructor(message: string, cause?: unknown) {
    super({ message, code: "connection_failed", type: "connection_error", cause });
  }

  override get name() {
    return "ConnectionError";
  }
}

/** The answer did not come in `timeoutMs`. */
export class TimeoutError extends ErrandError {
  constructor(message: string) {
    super({ message, code: "request_timeout", type: "connection_error" });
  }

  override get name() {
    return "TimeoutError";
  }
}

/** Thrown by `jobs.run()`: the job has failed. `code` is that of the job's error. */
export class JobFailedError extends ErrandError {
  readonly job: Job;

  constructor(job: Job) {
    const { code, message } = job.error ?? { code: "task_failed", message: "It does not say why." };
    super({ message: `Job ${job.id} has failed: ${message}`, code, type: "job_error" });
    this.job = job;
  }

  override get name() {
    return "JobFailedError";
  }
}

/** Thrown by `jobs.run()`: somebody cancelled the job. Its `output` is what it had until then. */
export class JobCancelledError extends ErrandError {
  readonly job: Job;

  constructor(job: Job) {
    super({ message: `Job ${job.id} was cancelled.`, code: "cancelled", type: "job_error" });
    this.job = job;
  }

  override get name() {
    return "JobCancelledError";
  }
}

const BY_TYPE: Record<string, typeof ErrandError> = {
  invalid_request_error: InvalidRequestError,
  authentication_error: AuthenticationError,
  permission_error: PermissionError,
  not_found_error: NotFoundError,
  conflict_error: ConflictError,
  rate_limit_error: RateLimitError,
  api_error: ServerError,
};

/** Of an answer without our envelope: a proxy's, or a newer server's. */
function classOf(status: number): typeof ErrandError {
  const type = { 401: "authentication", 403: "permission", 404: "not_found", 409: "conflict" }[status];
  if (type) return BY_TYPE[`${type}_error`] ?? ErrandError;
  if (status === 429) return RateLimitError;
  return status >= 500 ? ServerError : InvalidRequestError;
}

/** Reads the answer of a request that has failed. */
export async function toError(response: Response): Promise<ErrandError> {
  const { status, headers } = response;
  const told = readEnvelope(await response.text());
  const seconds = Number.parseFloat(headers.get("retry-after") ?? "");
  const answer = {
    status,
    retryAfterMs: Number.isFinite(seconds) ? seconds * 1_000 : null,
    requestId: told?.request_id ?? headers.get("x-request-id"),
  };
  if (!told) {
    const message = `The answer was ${status}, and not one of Errand's. Is baseUrl right? (${response.url})`;
    return new (classOf(status))({ message, code: `http_${status}`, type: "http_error", ...answer });
  }
  const { message, code, type, param, errors: problems, job_ids: jobIds } = told;
  const Kind = BY_TYPE[type] ?? classOf(status);
  return new Kind({ message, code, type, param, problems, jobIds, ...answer });
}

function readEnvelope(text: string): ErrorBody["error"] | null {
  try {
    const { error } = JSON.parse(text) as Partial<ErrorBody>;
    return typeof error?.code === "string" ? error : null;
  } catch {
    return null;
  }
}

/** Whether another try may help: nobody answered, or who did was busy or broken for a moment. */
export function isWorthRepeating(error: unknown): error is ErrandError {
  if (error instanceof ConnectionError || error instanceof TimeoutError) return true;
  return error instanceof ErrandError && error.status !== null && isPassing(error.status, error.code);
}

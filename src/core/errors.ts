// The one error class and the one table: code -> HTTP status, type, retry rule, words.

/** Everything that can go wrong, with how it is answered over HTTP and whether a job that met it is tried again. */
export const ERRORS = {
  // Requests
  invalid_request: { status: 400, type: "invalid_request_error", retryable: false, message: "The request is invalid." },
  invalid_json: { status: 400, type: "invalid_request_error", retryable: false, message: "The body is not valid JSON." },
  invalid_cursor: {
    status: 400,
    type: "invalid_request_error",
    retryable: false,
    message: "The cursor is not one that this API gave out. Use `next_cursor` of a list, or `cursor` of an event.",
  },
  unauthorized: {
    status: 401,
    type: "authentication_error",
    retryable: false,
    message: "Send a key or token: `Authorization: Bearer <key>`.",
  },
  forbidden: { status: 403, type: "permission_error", retryable: false, message: "This key may not do that." },
  not_found: { status: 404, type: "not_found_error", retryable: false, message: "No such resource." },
  method_not_allowed: {
    status: 405,
    type: "invalid_request_error",
    retryable: false,
    message: "This path does not take that method.",
  },
  idempotency_mismatch: {
    status: 409,
    type: "conflict_error",
    retryable: false,
    message: "This idempotency key was used before with another body. Use a new key for a new request.",
  },
  job_not_final: {
    status: 409,
    type: "conflict_error",
    retryable: false,
    message: "The job has not ended yet. Cancel it first, or wait for its end.",
  },
  output_not_ready: {
    status: 409,
    type: "conflict_error",
    retryable: false,
    message: "The job has no output yet. Wait for its end (Prefer: wait, or its events).",
  },
  project_exists: { status: 409, type: "conflict_error", retryable: false, message: "A project with this id exists." },
  project_not_empty: {
    status: 409,
    type: "conflict_error",
    retryable: false,
    message: "The project still has jobs. Erase them first.",
  },
  payload_too_large: { status: 413, type: "invalid_request_error", retryable: false, message: "The body is too large." },
  unsupported_media_type: {
    status: 415,
    type: "invalid_request_error",
    retryable: false,
    message: "Send JSON with `Content-Type: application/json`.",
  },
  input_invalid: {
    status: 422,
    type: "invalid_request_error",
    retryable: false,
    message: "The input does not fit the task.",
  },
  unknown_task: { status: 422, type: "invalid_request_error", retryable: false, message: "No such task." },
  unknown_model: { status: 422, type: "invalid_request_error", retryable: false, message: "No such model." },
  no_model_configured: {
    status: 422,
    type: "invalid_request_error",
    retryable: false,
    message: "No model provider is configured. Set PROVIDERS in wrangler.toml, or SANDBOX=on to try without one.",
  },
  rate_limited: { status: 429, type: "rate_limit_error", retryable: true, message: "Too many requests." },
  token_exhausted: {
    status: 429,
    type: "rate_limit_error",
    retryable: false,
    message: "This token has submitted all the jobs it was made for (max_jobs).",
  },
  internal: { status: 500, type: "api_error", retryable: true, message: "Something broke on our side." },
  not_configured: { status: 503, type: "api_error", retryable: true, message: "Errand is not configured." },
  not_migrated: {
    status: 503,
    type: "api_error",
    retryable: true,
    message:
      "The database is not migrated. Run `npx wrangler d1 migrations apply errand --remote` (`--local` in local dev).",
  },
  store_unavailable: {
    status: 503,
    type: "api_error",
    retryable: true,
    message: "The database does not answer right now. Try again in a few seconds.",
  },

  // Jobs: what the provider did
  provider_bad_request: {
    status: 400,
    type: "provider_error",
    retryable: false,
    message: "The provider refused the request as invalid.",
  },
  provider_auth: {
    status: 401,
    type: "provider_error",
    retryable: false,
    message: "The provider refused the API key. Check the secret that the provider's `key` names.",
  },
  provider_key_missing: {
    status: 401,
    type: "provider_error",
    retryable: false,
    message: "The secret that holds the provider's API key is not set.",
  },
  provider_not_found: {
    status: 404,
    type: "provider_error",
    retryable: false,
    message: "The provider does not know this model or path.",
  },
  provider_quota: {
    status: 402,
    type: "provider_error",
    retryable: false,
    message: "The account at the provider is out of quota or credit.",
  },
  provider_conflict: { status: 409, type: "provider_error", retryable: true, message: "The provider answered 409." },
  provider_rate_limited: { status: 429, type: "provider_error", retryable: true, message: "The provider answered 429." },
  provider_error: { status: 502, type: "provider_error", retryable: true, message: "The provider failed." },
  provider_unreachable: {
    status: 502,
    type: "provider_error",
    retryable: true,
    message: "The provider could not be reached.",
  },
  provider_timeout: { status: 504, type: "provider_error", retryable: true, message: "The provider took too long." },
  stream_cut: {
    status: 502,
    type: "provider_error",
    retryable: true,
    message: "The provider's stream ended before it was finished.",
  },
  content_refused: {
    status: 422,
    type: "provider_error",
    retryable: false,
    message: "The provider or model refused the content.",
  },
  context_too_long: {
    status: 422,
    type: "provider_error",
    retryable: false,
    message: "The input is longer than the model's context.",
  },

  // Jobs: what the run did
  output_truncated: {
    status: 422,
    type: "task_error",
    retryable: false,
    message: "The answer was cut at the output limit and so does not fit the schema. Raise max_output_tokens.",
  },
  output_invalid: {
    status: 422,
    type: "task_error",
    retryable: true,
    message: "The answer does not fit the schema, nor did it after one repair.",
  },
  timeout: { status: 504, type: "task_error", retryable: true, message: "The attempt took longer than timeout_s." },
  task_failed: { status: 500, type: "task_error", retryable: true, message: "The task threw an unexpected error." },
  turns_exhausted: {
    status: 500,
    type: "task_error",
    retryable: false,
    message: "The task asked to go on more often than is allowed.",
  },
  crashed: {
    status: 500,
    type: "task_error",
    retryable: false,
    message: "The job's runs died without a word, as often as is allowed.",
  },
  expired: { status: 410, type: "task_error", retryable: false, message: "The job was not done before expires_at." },
  cancelled: { status: 409, type: "task_error", retryable: false, message: "The job was cancelled." },
} as const;

export type ErrorCode = keyof typeof ERRORS;

export type ErrorDetails = {
  /** What to tell the user instead of the table's words. Never holds a prompt, an output or a key. */
  message?: string;
  /** The field that is wrong, as a path: `input.messages[0].role`. */
  param?: string;
  /** How long to wait before the next try, in milliseconds. */
  retryAfterMs?: number;
  /** Overrules the table, for a provider that says so (`x-should-retry`). */
  retryable?: boolean;
  /** More than one thing is wrong: each with its own place. */
  errors?: ErrorItem[];
  /** For the log only. */
  cause?: unknown;
};

export type ErrorItem = { index?: number; param: string; message: string };

/** The only error Errand throws on purpose. Anything else that reaches an edge is a bug. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly param: string | null;
  readonly retryAfterMs: number | null;
  readonly retryable: boolean;
  readonly errors: ErrorItem[] | null;

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(details.message ?? ERRORS[code].message, { cause: details.cause });
    this.name = "AppError";
    this.code = code;
    this.param = details.param ?? null;
    this.retryAfterMs = details.retryAfterMs ?? null;
    this.retryable = details.retryable ?? ERRORS[code].retryable;
    this.errors = details.errors ?? null;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get type(): string {
    return ERRORS[this.code].type;
  }
}

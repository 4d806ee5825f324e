// The one error class and the one table: code -> HTTP status, type, retry rule, words.

type ErrorRow = { status: number; type: string; retryable: boolean; message: string };

function row(type: string) {
  return (status: number, message: string, retry: "retry" | "never" = "never"): ErrorRow => ({
    status,
    type,
    retryable: retry === "retry",
    message,
  });
}

const request = row("invalid_request_error");
const conflict = row("conflict_error");
const limit = row("rate_limit_error");
const ours = row("api_error");
const provider = row("provider_error");
const task = row("task_error");

/** Everything that can go wrong: its HTTP status, its words, and whether a job that met it is tried again. */
export const ERRORS = {
  // Requests
  invalid_request: request(400, "The request is invalid."),
  invalid_json: request(400, "The body is not valid JSON."),
  invalid_cursor: request(
    400,
    "The cursor is not one that this API gave out. Use `next_cursor` of a list, or `cursor` of an event.",
  ),
  unauthorized: row("authentication_error")(401, "Send a key or token: `Authorization: Bearer <key>`."),
  forbidden: row("permission_error")(403, "This key may not do that."),
  not_found: row("not_found_error")(404, "No such resource."),
  method_not_allowed: request(405, "This path does not take that method."),
  idempotency_mismatch: conflict(
    409,
    "This idempotency key was used before with another body. Use a new key for a new request.",
  ),
  job_not_final: conflict(409, "The job has not ended yet. Cancel it first, or wait for its end."),
  output_not_ready: conflict(
    409,
    "The job has no output yet. Wait for its end (Prefer: wait, or its events).",
  ),
  parent_ended: conflict(
    409,
    "The job is a child of one that has ended. Retry that one: it does again what did not complete.",
  ),
  nothing_to_retry: conflict(409, "Every item of the batch has completed."),
  project_exists: conflict(409, "A project with this id exists."),
  stream_exists: conflict(409, "A stream with this name is there, and is another one."),
  stream_closed: conflict(409, "The stream is closed: nothing can be appended."),
  content_type_mismatch: conflict(409, "The content type is not that of the stream."),
  sequence_conflict: conflict(409, "The append is out of order."),
  producer_fenced: row("permission_error")(
    403,
    "Another producer with this id has begun a newer epoch. Begin one above Producer-Epoch to take over.",
  ),
  stream_gone: row("not_found_error")(
    410,
    "The stream was deleted; streams that were forked from it are left.",
  ),
  stream_full: request(413, "The stream is full (64 MB). Go on in a new one."),
  file_not_ready: conflict(409, "The upload of this file is not complete."),
  upload_ended: conflict(409, "The upload is over: its parts cannot be changed any more."),
  upload_incomplete: conflict(409, "Parts of the upload are missing."),
  digest_mismatch: request(422, "The content does not have the given SHA-256 digest. Send it again."),
  range_not_satisfiable: request(416, "The range begins behind the end of the file."),
  payload_too_large: request(413, "The body is too large."),
  unsupported_media_type: request(415, "Send JSON with `Content-Type: application/json`."),
  input_invalid: request(422, "The input does not fit the task."),
  unknown_task: request(422, "No such task."),
  unknown_model: request(422, "No such model."),
  unknown_pool: request(422, "No such pool."),
  no_model_configured: request(
    422,
    "No model provider is configured. Set PROVIDERS in wrangler.toml, or SANDBOX=on to try without one.",
  ),
  price_unknown: request(
    422,
    "The model has no price, so that a budget in dollars cannot count it. Give it a `price` in PROVIDERS.",
  ),
  rate_limited: limit(429, "Too many requests.", "retry"),
  token_exhausted: limit(429, "This token has submitted all the jobs it was made for (max_jobs)."),
  too_many_jobs: limit(429, "The project has too many open jobs.", "retry"),
  quota_exceeded: limit(429, "More jobs a minute than are allowed (jobs_per_minute).", "retry"),
  internal: ours(500, "Something broke on our side.", "retry"),
  not_configured: ours(503, "Errand is not configured.", "retry"),
  not_migrated: ours(
    503,
    "The database is not migrated. Run `npx wrangler d1 migrations apply errand --remote` (`--local` in local dev).",
    "retry",
  ),
  store_unavailable: ours(
    503,
    "The database does not answer right now. Try again in a few seconds.",
    "retry",
  ),
  storage_full: ours(503, "The database is nearly full.", "retry"),
  object_missing: ours(500, "A stored input or output is missing."),
  seal_broken: ours(
    500,
    "What is stored cannot be opened. Check that ENCRYPTION_KEYS still has the key it was sealed with.",
    "retry",
  ),

  // Jobs: what the provider did
  provider_bad_request: provider(400, "The provider refused the request as invalid."),
  provider_auth: provider(
    401,
    "The provider refused the API key. Check the secret that the provider's `key` names.",
  ),
  provider_key_missing: provider(401, "The secret that holds the provider's API key is not set."),
  provider_not_found: provider(404, "The provider does not know this model or path."),
  provider_quota: provider(402, "The account at the provider is out of quota or credit."),
  provider_conflict: provider(409, "The provider answered 409.", "retry"),
  provider_rate_limited: provider(429, "The provider answered 429.", "retry"),
  provider_error: provider(502, "The provider failed.", "retry"),
  provider_unreachable: provider(502, "The provider could not be reached.", "retry"),
  provider_timeout: provider(504, "The provider took too long.", "retry"),
  stream_cut: provider(502, "The provider's stream ended before it was finished.", "retry"),
  content_refused: provider(422, "The provider or model refused the content."),
  context_too_long: provider(422, "The input is longer than the model's context."),

  // Jobs: what the run did
  output_truncated: task(
    422,
    "The answer was cut at the output limit and so does not fit the schema. Raise max_output_tokens.",
  ),
  output_invalid: task(422, "The answer does not fit the schema, nor did it after one repair.", "retry"),
  document_unreadable: task(
    422,
    "The document cannot be read. Send text, Markdown, HTML, or a PDF with text.",
  ),
  url_not_allowed: task(422, "The URL is not allowed. Use https and a host on the public internet."),
  url_unreachable: task(502, "The URL could not be fetched.", "retry"),
  timeout: task(504, "The attempt took longer than timeout_s.", "retry"),
  gate_wait: task(503, "The next call has to wait for its turn.", "retry"),
  task_failed: task(500, "The task threw an unexpected error.", "retry"),
  turns_exhausted: task(500, "The task asked to go on more often than is allowed."),
  crashed: task(500, "The job's runs died without a word, as often as is allowed."),
  expired: task(410, "The job was not done before expires_at."),
  budget_exceeded: task(429, "The budget is used up, and the job does not wait for it (on_budget)."),
  child_failed: task(424, "A child of the job did not complete."),
  children_exceeded: task(422, "The job would have more children than are allowed, or nest them too deep."),
  file_missing: task(404, "There is no such file, or its time is over."),
  item_invalid: task(422, "The line, or the row, is not what the task takes."),
  cancelled: task(409, "The job was cancelled."),
} satisfies Record<string, ErrorRow>;

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
  /** Jobs that may have been stored, or not: whoever asked can look. */
  jobIds?: string[];
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
  readonly jobIds: string[] | null;

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(details.message ?? ERRORS[code].message, { cause: details.cause });
    this.name = "AppError";
    this.code = code;
    this.param = details.param ?? null;
    this.retryAfterMs = details.retryAfterMs ?? null;
    this.retryable = details.retryable ?? ERRORS[code].retryable;
    this.errors = details.errors ?? null;
    this.jobIds = details.jobIds ?? null;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get type(): string {
    return ERRORS[this.code].type;
  }
}

/** Whether our own storage did not answer: nothing is wrong with what was asked, and nobody knows whether it was done. */
export function isAway(error: unknown): boolean {
  return error instanceof AppError && error.code === "store_unavailable";
}

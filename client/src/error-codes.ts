// The codes of everything that can go wrong, and which of them another try cannot mend.

/** What the API tells, of requests and of jobs. */
export type ErrorCode =
  | "invalid_request"
  | "invalid_json"
  | "invalid_cursor"
  | "unauthorized"
  | "forbidden"
  | "not_found"
  | "method_not_allowed"
  | "idempotency_mismatch"
  | "job_not_final"
  | "output_not_ready"
  | "parent_ended"
  | "project_exists"
  | "payload_too_large"
  | "unsupported_media_type"
  | "input_invalid"
  | "unknown_task"
  | "unknown_model"
  | "unknown_pool"
  | "no_model_configured"
  | "price_unknown"
  | "rate_limited"
  | "token_exhausted"
  | "too_many_jobs"
  | "quota_exceeded"
  | "internal"
  | "not_configured"
  | "not_migrated"
  | "store_unavailable"
  | "storage_full"
  | "object_missing"
  | "seal_broken"
  | "stream_exists"
  | "stream_closed"
  | "content_type_mismatch"
  | "sequence_conflict"
  | "producer_fenced"
  | "stream_gone"
  | "stream_full"
  | "provider_bad_request"
  | "provider_auth"
  | "provider_key_missing"
  | "provider_not_found"
  | "provider_quota"
  | "provider_conflict"
  | "provider_rate_limited"
  | "provider_error"
  | "provider_unreachable"
  | "provider_timeout"
  | "stream_cut"
  | "content_refused"
  | "context_too_long"
  | "output_truncated"
  | "output_invalid"
  | "document_unreadable"
  | "url_not_allowed"
  | "url_unreachable"
  | "timeout"
  | "gate_wait"
  | "task_failed"
  | "turns_exhausted"
  | "crashed"
  | "expired"
  | "budget_exceeded"
  | "child_failed"
  | "children_exceeded"
  | "item_invalid"
  | "cancelled";

/** What the client finds out by itself. `http_502`: the status of an answer that is not Errand's, but a proxy's. */
export type ClientErrorCode = "connection_failed" | "request_timeout" | "invalid_answer" | `http_${number}`;

/** 429 and 5xx that stay as they are, however often one asks. */
const LASTING: string[] = ["token_exhausted", "object_missing"] satisfies ErrorCode[];

/** Whether the same request may fare better a moment later. */
export function isPassing(status: number, code: string): boolean {
  return (status === 429 || status >= 500) && !LASTING.includes(code);
}

// Whatever a provider call threw, as the one AppError that says what to do about it.

import { APIConnectionError, APIConnectionTimeoutError, APIError } from "openai";
import { AppError, ERRORS, type ErrorCode } from "../core/errors";

export type CallContext = {
  provider: string;
  signal: AbortSignal;
  /** The answer had begun: from here on a broken connection is a cut stream. */
  streaming: boolean;
};

export function classifyProviderError(error: unknown, context: CallContext): AppError {
  if (context.signal.aborted) return abortError(context.signal);
  if (error instanceof AppError) return error;
  if (error instanceof APIError && error.status !== undefined) return statusError(error, context);
  const code = codeWithoutStatus(error, context.streaming);
  // Only the provider's own error event is quoted; other errors here may hold pieces of the answer.
  const said = error instanceof APIError && !(error instanceof APIConnectionError) ? quote(error) : null;
  return new AppError(code, {
    message: words(code, said && `${context.provider} said: ${said}`),
    cause: error,
  });
}

/** True when the provider did no work, so that nothing was used. */
export function wasRefused(error: unknown): boolean {
  if (error instanceof APIConnectionTimeoutError) return false;
  return error instanceof APIConnectionError || (error instanceof APIError && error.status !== undefined);
}

function abortError(signal: AbortSignal): AppError {
  const reason: unknown = signal.reason;
  return reason instanceof AppError ? reason : new AppError("cancelled", { cause: reason });
}

function statusError(error: APIError, context: CallContext): AppError {
  const code = codeByMeaning(error) ?? codeByStatus(error.status ?? 0);
  const label = error.code ? `${error.status} (${error.code})` : `${error.status}`;
  return new AppError(code, {
    message: words(code, `${context.provider} answered ${label}: ${quote(error)}`),
    retryable: shouldRetry(error.headers),
    retryAfterMs: parseRetryAfter(error.headers, Date.now()),
    cause: error,
  });
}

const CONTEXT_CODES = ["context_length_exceeded", "exceed_context_size_error"];
const CONTENT_CODES = ["content_policy_violation", "content_filter"];
const QUOTA_CODES = ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active"];

/** What the provider's code or words say, whatever the status; null when they say nothing we know. */
function codeByMeaning(error: APIError): ErrorCode | null {
  const labels = [error.code, error.type];
  const says = (codes: string[]) =>
    labels.some((label) => typeof label === "string" && codes.includes(label));
  if (says(QUOTA_CODES) || error.status === 402) return "provider_quota";
  if (says(CONTENT_CODES)) return "content_refused";
  if (says(CONTEXT_CODES)) return "context_too_long";
  const refused = error.status === 400 || error.status === 422;
  return refused && /context (length|window|size)/i.test(error.message) ? "context_too_long" : null;
}

function codeByStatus(status: number): ErrorCode {
  if (status >= 500) return "provider_error";
  switch (status) {
    case 401:
    case 403:
      return "provider_auth";
    case 404:
      return "provider_not_found";
    case 408:
      return "provider_timeout";
    case 409:
      return "provider_conflict";
    case 429:
      return "provider_rate_limited";
    default:
      return "provider_bad_request";
  }
}

function codeWithoutStatus(error: unknown, streaming: boolean): ErrorCode {
  if (error instanceof APIConnectionTimeoutError) return "provider_timeout";
  if (error instanceof APIConnectionError) return "provider_unreachable";
  if (error instanceof APIError) return codeByMeaning(error) ?? "stream_cut";
  if (error instanceof SyntaxError) return "provider_error";
  if (streaming) return "stream_cut";
  return error instanceof TypeError ? "provider_unreachable" : "provider_error";
}

const QUOTE_CHARS = 300;

/** The provider's own words, short, and without what looks like an API key: OpenAI's 401 echoes part of it. */
function quote(error: APIError): string {
  const text = error.message
    .replace(new RegExp(`^${error.status} `), "")
    .replace(/\s+/g, " ")
    .trim();
  if (/^<(!doctype|html)/i.test(text)) return "(an HTML page)";
  const clean = text.replace(/\b(sk|pk|gsk|xai|nvapi|hf|AIza)[-_A-Za-z0-9][\w*.-]{6,}/g, "$1-…");
  return clean.length > QUOTE_CHARS ? `${clean.slice(0, QUOTE_CHARS)}…` : clean;
}

function words(code: ErrorCode, detail: string | null): string {
  return detail ? `${ERRORS[code].message} ${detail}` : ERRORS[code].message;
}

function shouldRetry(headers: Headers | undefined): boolean | undefined {
  const value = headers?.get("x-should-retry");
  return value === "true" ? true : value === "false" ? false : undefined;
}

/** The wait a provider asks for, in any of the three forms that are in use. */
export function parseRetryAfter(headers: Headers | undefined, nowMs: number): number | undefined {
  const ms = headers?.get("retry-after-ms");
  if (ms && Number.isFinite(Number(ms))) return Math.max(0, Math.round(Number(ms)));
  const value = headers?.get("retry-after");
  if (!value) return undefined;
  const delayMs = Number.isFinite(Number(value)) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isFinite(delayMs) ? Math.max(0, Math.round(delayMs)) : undefined;
}

// Fetches what a URL names that somebody else chose: from the public internet only, with bounds on time, size and redirects.
//
// Names are not looked up here. It would cost two requests for each hop (node:dns asks a resolver over HTTPS), and fetch would
// look the name up again: who controls the name can answer differently. What keeps a public name with a private address harmless
// is the platform: a deployed Worker has no way into a private network unless one is bound to it. A workerd of your own
// refuses private addresses when it connects, unless its configuration allows them; local dev does allow them.

import { joined } from "../core/bytes";
import { AppError } from "../core/errors";
import { whyNotPublic } from "./address";

export type FetchOptions = {
  /** What is asked; tests have their own. */
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** The setting LOCAL_URLS: http and local addresses too. */
  allowLocal: boolean;
  maxBytes: number;
  /** For all of it: redirects, headers and body. */
  timeoutMs: number;
  /** Aborts the fetch; its reason is what is thrown. */
  signal: AbortSignal;
  /** The media types that are wanted, as an Accept header. */
  accept: string;
};

/** `url` is where it was found, after redirects. */
export type Fetched = { bytes: Uint8Array; contentType: string; url: string };

const MAX_REDIRECTS = 5;
const REDIRECTS = [301, 302, 303, 307, 308];
/** Client errors that another try may not meet. */
const PASSING = [408, 425, 429];

/** The URL, parsed. Throws `url_not_allowed` for one that does not lead to the public internet, and says why. */
export function checkPublicUrl(url: string, { allowLocal }: { allowLocal: boolean }): URL {
  if (!URL.canParse(url)) {
    throw refusal("This is not a URL. Write it in full, such as https://example.com/page.");
  }
  const parsed = new URL(url);
  const why = whyNotAllowed(parsed, allowLocal);
  if (why) throw refusal(`The URL of ${parsed.host || parsed.protocol} is not allowed: ${why}`);
  return parsed;
}

function whyNotAllowed(
  { protocol, username, password, port, hostname }: URL,
  allowLocal: boolean,
): string | null {
  if (username !== "" || password !== "") return "it has a user name or a password. Leave them out.";
  if (allowLocal) return /^https?:$/.test(protocol) ? null : "expected http or https.";
  if (protocol !== "https:") return "expected https.";
  // Below 1024 are services of other kinds, which might take a request for one of theirs; people's web servers are above.
  if (port !== "" && Number(port) < 1_024) return "expected port 443, or one from 1024 up.";
  const why = whyNotPublic(hostname);
  return why && `${why}. Use a host on the public internet.`;
}

function refusal(message: string): AppError {
  return new AppError("url_not_allowed", { message });
}

/** Follows redirects, and checks each as if it had been given. */
export async function fetchPublic(url: string, options: FetchOptions): Promise<Fetched> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const signal = AbortSignal.any([options.signal, timeout]);
  let target = checkPublicUrl(url, options);
  try {
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const response = await ask(target, options, signal);
      const location = REDIRECTS.includes(response.status) ? response.headers.get("location") : null;
      if (location === null) return await read(response, target, options, signal);
      await response.body?.cancel();
      target = checkPublicUrl(URL.parse(location, target)?.href ?? location, options);
    }
  } catch (error) {
    throw classify(error, target, { ...options, timeout });
  }
  throw failure(
    target,
    `redirects more than ${MAX_REDIRECTS} times. Give the address at the end of them`,
    false,
  );
}

function ask(target: URL, { fetch, accept }: FetchOptions, signal: AbortSignal): Promise<Response> {
  // Many servers refuse a request that does not say who asks.
  const headers = { accept, "user-agent": "Errand" };
  return fetch(target.href, { redirect: "manual", headers, signal });
}

async function read(
  response: Response,
  target: URL,
  options: FetchOptions,
  signal: AbortSignal,
): Promise<Fetched> {
  if (!response.ok) {
    await response.body?.cancel();
    const { status } = response;
    throw failure(target, `answered ${status}`, status >= 500 || PASSING.includes(status));
  }
  const bytes = await readBody(response, options.maxBytes, signal);
  if (bytes === null) {
    throw failure(target, `sent more than ${options.maxBytes} bytes. Link to something smaller`, false);
  }
  return { bytes, contentType: response.headers.get("content-type") ?? "", url: target.href };
}

/** Null when there is more than `maxBytes`, counted as it comes: Content-Length may lie, and what is packed grows. */
async function readBody(
  response: Response,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  const parts: Uint8Array[] = [];
  let size = 0;
  // Its listeners hear nothing of an abort that was before them.
  signal.throwIfAborted();
  const reader = response.body?.getReader();
  const stop = () => void reader?.cancel().catch(() => {});
  signal.addEventListener("abort", stop);
  try {
    for (;;) {
      const part = await reader?.read();
      signal.throwIfAborted();
      if (!part?.value) return joined(parts);
      size += part.value.byteLength;
      if (size > maxBytes) return null;
      parts.push(part.value);
    }
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

type Limits = { signal: AbortSignal; timeout: AbortSignal; timeoutMs: number };

function classify(error: unknown, target: URL, { signal, timeout, timeoutMs }: Limits): AppError {
  if (signal.aborted) {
    return signal.reason instanceof AppError
      ? signal.reason
      : new AppError("cancelled", { cause: signal.reason });
  }
  if (error instanceof AppError) return error;
  if (timeout.aborted) return failure(target, `took longer than ${timeoutMs / 1_000} s`, true, error);
  return failure(target, "could not be reached", true, error);
}

function failure(target: URL, what: string, retryable: boolean, cause?: unknown): AppError {
  return new AppError("url_unreachable", { message: `${target.host} ${what}.`, retryable, cause });
}

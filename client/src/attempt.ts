// One try of a request: it is answered, refused, cut off, too slow, or given up by the caller.

import { ConnectionError, ErrandError, TimeoutError, toError } from "./errors.ts";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export type Limits = { timeoutMs: number; accepts?: number; signal?: AbortSignal };

/** `read` takes what is wanted from the answer; the time for it counts too. */
export async function attempt<T>(
  fetch: Fetch,
  url: string,
  init: RequestInit,
  read: (response: Response) => Promise<T>,
  { timeoutMs, accepts, signal }: Limits,
): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const { promise: over, reject } = withReject();
  const end = (reason: unknown) => {
    reject(reason);
    controller.abort(reason);
  };
  const giveUp = () => end(signal?.reason);
  signal?.addEventListener("abort", giveUp, { once: true });
  const { origin } = new URL(url);
  const late = () => end(new TimeoutError(`No answer from ${origin} in ${timeoutMs / 1_000} s.`));
  const timer = setTimeout(late, timeoutMs);
  try {
    const answer = ask(fetch, url, { ...init, signal: controller.signal }, read, accepts);
    // Not every fetch listens to its signal.
    return await Promise.race([answer, over]);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
  }
}

async function ask<T>(
  fetch: Fetch,
  url: string,
  init: RequestInit,
  read: (response: Response) => Promise<T>,
  accepts: number | undefined,
): Promise<T> {
  try {
    const response = await fetch(url, init);
    if (!response.ok && response.status !== accepts) throw await toError(response);
    return await read(response);
  } catch (error) {
    if (error instanceof ErrandError) throw error;
    throw new ConnectionError(tellLoss(new URL(url).origin, error), error);
  }
}

function tellLoss(origin: string, error: unknown): string {
  const reasons = [error, error instanceof Error ? error.cause : undefined].flatMap((one) =>
    one instanceof Error && one.message ? [one.message] : [],
  );
  const why = reasons.length === 0 ? "" : ` (${reasons.join(": ")})`;
  return `No answer from ${origin}${why}. Is baseUrl right, does Errand run there, and may this page ask it (CORS_ORIGINS)?`;
}

function withReject() {
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<never>((_, no) => {
    reject = no;
  });
  // It may lose the race, and nobody else looks at it.
  promise.catch(() => {});
  return { promise, reject };
}

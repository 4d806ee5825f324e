// At most five calls of one consumer invocation wait for response headers at a time.

import type { Fetch } from "./fetch";

/** Wraps a fetch so that its calls share the slots. */
export type HeaderSlots = (fetch: Fetch) => Fetch;

// Cloudflare lets six connections of an invocation wait for headers and quietly queues the seventh, where our
// timeouts cannot see it. The sixth is left to R2 and the queues. Local dev does not enforce this.
const HEADER_SLOTS = 5;

export function createHeaderSlots(limit = HEADER_SLOTS): HeaderSlots {
  const waiting: (() => void)[] = [];
  let free = limit;

  function acquire(signal: AbortSignal | null | undefined): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (free > 0) {
      free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        waiting.splice(waiting.indexOf(enter), 1);
        reject(signal?.reason);
      };
      waiting.push(enter);
      signal?.addEventListener("abort", leave, { once: true });
    });
  }

  function release(): void {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  }

  return (fetch) => async (url, init) => {
    await acquire(init?.signal);
    try {
      return await fetch(url, init);
    } finally {
      release();
    }
  };
}

// Waiting between tries.

const LONGEST_BACKOFF_MS = 8_000;

/** A random share of 0.5 s, 1 s, 2 s … (full jitter), so that many who failed together do not come back together. */
export function backoffMs(failures: number, longestMs = LONGEST_BACKOFF_MS): number {
  return Math.random() * Math.min(longestMs, 500 * 2 ** (failures - 1));
}

/** Rejects with the signal's reason when it aborts. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

// A WebSocket that notes when the end of each job was told.
import { now } from "./measure.mjs";

const ENDS = new Set(["job.completed", "job.failed", "job.cancelled"]);

/** Resolves when the first frame is there, so that nothing can be missed. */
export async function openListener(address) {
  const socket = new WebSocket(address.replace(/^http/, "ws"));
  const ends = new Map();
  const checks = new Set();
  const ready = Promise.withResolvers();
  const failed = (why) => ready.reject(new Error(`The event socket ${why}.`));
  socket.addEventListener("error", () => failed("failed"));
  socket.addEventListener("close", () => failed("was closed"));
  socket.addEventListener("message", ({ data }) => {
    const at = now();
    const frame = JSON.parse(data);
    if (frame.type === "snapshot") ready.resolve();
    if (!ENDS.has(frame.type) || ends.has(frame.job_id)) return;
    ends.set(frame.job_id, { at, type: frame.type });
    for (const check of checks) check();
  });
  await ready.promise;

  /** Resolves when `isReached(ends)`, or when the time is over. */
  function until(isReached, timeoutMs) {
    const { promise, resolve } = Promise.withResolvers();
    const timer = setTimeout(resolve, timeoutMs);
    const check = () => isReached(ends) && resolve();
    checks.add(check);
    check();
    return promise.finally(() => {
      clearTimeout(timer);
      checks.delete(check);
    });
  }

  return { ends, until, close: () => socket.close() };
}

// Connects again and again, for as long as it takes.

import { isWorthRepeating } from "./errors.ts";
import { backoffMs, sleep } from "./pause.ts";

/** Somebody looks at what does not move. */
const LONGEST_BACKOFF_MS = 10_000;

/** However long the server asks to wait; who has never got through, and should wait for longer, is told instead. */
const LONGEST_WAIT_MS = 60_000;

/**
 * `listen` is one connection: it throws when nothing came through, and says whether there may be more when something did.
 * Who has never got through is told after `patience` more tries; who has, comes back until there is no more.
 */
export async function keepComing(
  listen: () => Promise<boolean>,
  patience: number,
  signal: AbortSignal,
): Promise<void> {
  let isThrough = false;
  for (let failures = 0; !signal.aborted; ) {
    let waitMs = 0;
    try {
      if (!(await listen())) return;
      isThrough = true;
      failures = 1;
    } catch (error) {
      if (!isWorthRepeating(error)) throw error;
      waitMs = error.retryAfterMs ?? 0;
      if (!isThrough && (failures >= patience || waitMs > LONGEST_WAIT_MS)) throw error;
      failures += 1;
    }
    await rest(Math.max(Math.min(waitMs, LONGEST_WAIT_MS), backoffMs(failures, LONGEST_BACKOFF_MS)), signal);
  }
}

type Listening = (event: "online", listener: () => void) => void;

/** As sleep; a browser whose network is back ends it. */
async function rest(ms: number, signal: AbortSignal): Promise<void> {
  const window = globalThis as { addEventListener?: Listening; removeEventListener?: Listening };
  let wake = () => {};
  const online = new Promise<void>((resolve) => {
    wake = resolve;
  });
  window.addEventListener?.("online", wake);
  try {
    await Promise.race([sleep(ms, signal), online]);
  } finally {
    window.removeEventListener?.("online", wake);
  }
}

// Fetches again when there is news: one request at a time, and another one if there was more news meanwhile.

import { isWorthRepeating } from "../errors.ts";
import { backoffMs, sleep } from "../pause.ts";

/** Returns how to say that there is news. `fail` hears of what another try does not mend. */
export function refreshBy(
  fetch: () => Promise<void>,
  fail: (error: unknown) => void,
  signal: AbortSignal,
): () => void {
  let isWanted = false;
  let isBusy = false;

  async function refresh(): Promise<void> {
    for (let failures = 0; isWanted && !signal.aborted; ) {
      isWanted = false;
      try {
        await fetch();
        failures = 0;
      } catch (error) {
        if (!isWorthRepeating(error)) throw error;
        isWanted = true;
        failures += 1;
        await sleep(backoffMs(failures), signal);
      }
    }
  }

  return () => {
    isWanted = true;
    if (isBusy) return;
    isBusy = true;
    refresh()
      .catch((error) => {
        if (!signal.aborted) fail(error);
      })
      .finally(() => {
        isBusy = false;
      });
  };
}

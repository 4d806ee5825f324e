// Tells an object something that matters to those who listen: three tries, and then the job goes on without.

import type { Deps } from "../deps";
import { errorField } from "../log";
import { within } from "../store/within";

/** Waits before the second and the third try. */
const RETRY_DELAYS_MS = [500, 1_500];

/** Of each try. */
const PATIENCE_MS = 1_500;

/** Never throws. `failure`: what is logged, with `about`, when nobody answered. */
export async function insist(
  deps: Deps,
  failure: string,
  about: Record<string, string>,
  tell: () => Promise<void>,
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await within(PATIENCE_MS, tell(), () => new Error("the object does not answer"));
    } catch (error) {
      const delayMs = RETRY_DELAYS_MS[attempt];
      if (delayMs === undefined) return deps.log(failure, { ...about, error: errorField(error) });
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
  }
}

// A further call of a running job waits for its turn too: for some seconds here, for longer in the line.

import { AppError } from "../core/errors";
import type { Job } from "../core/job";
import type { Deps } from "../deps";
import type { CallSize } from "../llm/provider-call";
import { callGate } from "./gates";

/** An invocation is not to be kept for longer than that: the job comes back when its turn does. */
const LONGEST_WAIT_MS = 5_000;

/** What a gate that does not answer is given before it is asked again. */
const GATE_AWAY_MS = 1_000;

/** Throws `gate_wait` when the turn is too far away, and the signal's reason when that aborts. */
export async function awaitNextCall(
  deps: Deps,
  { id, pool }: Pick<Job, "id" | "pool">,
  size: CallSize,
  signal: AbortSignal,
): Promise<void> {
  if (pool === null) return;
  for (let waitedMs = 0; ; ) {
    const answer = await callGate(deps, pool, (gate) => gate.take(pool, id, size));
    if (answer === 0) return;
    const waitMs = answer ?? GATE_AWAY_MS;
    if (waitedMs + waitMs > LONGEST_WAIT_MS) throw new AppError("gate_wait", { retryAfterMs: waitMs });
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    signal.throwIfAborted();
    waitedMs += waitMs;
  }
}

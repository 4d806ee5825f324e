// Brings the end of a run home: settles it, with patience while the database is away, and tells it.

import { isAway } from "../core/errors";
import { moveEvent } from "../core/events";
import { isErased, type Job, type WholeJob } from "../core/job";
import { isFinal } from "../core/lifecycle";
import type { Deps } from "../deps";
import { writeLost } from "../store/ledger";
import type { Ends } from "./after-end";
import { armClockFor } from "./arm-clock";
import type { Narrator } from "./narrator";
import { purge } from "./purge";
import { ringLater } from "./ring";
import { type RunEnd, settle, usedBy } from "./settle";
import { closeUnsettled, keepUnsettled } from "./unsettled";

/** How long D1 is asked to take an answer before R2 is. */
const PATIENCE_MS = 20_000;

/** The job after it; null: another run had it; `kept`: the end waits in R2 for another run. */
type Concluded = Job | null | "kept";

/** Throws when the end could be put nowhere. */
export async function conclude(
  deps: Deps,
  job: WholeJob,
  end: RunEnd,
  narrator: Narrator,
  ends: Ends,
): Promise<Concluded> {
  // The next run may begin before this one has told that it is over.
  if (end.result.ok && end.result.outcome.kind === "again") await narrator.mark();
  const settled = await settleOrKeep(deps, job, end);
  if (settled === "kept") narrator.leave({ event: moveEvent(job, deps.now()), commits: end.result.ok });
  if (!settled) narrator.abandon();
  if (!settled || settled === "kept") return settled;
  ends.add(settled);
  if (isErased(settled)) {
    // Nobody is told of it; and what is still on its way to the hub must not come after the hub has forgotten the job.
    narrator.abandon();
    await narrator.finish();
    if (isFinal(settled.state)) deps.background(purge(deps, [settled]));
    return settled;
  }
  const event = moveEvent(settled, deps.now());
  narrator.move(event);
  narrator.leave({ event, commits: end.result.ok });
  if (settled.state === "pending") {
    await armClockFor(deps, Math.max(0, settled.runAt - settled.readAt));
  }
  if (end.run !== job.run) deps.background(closeUnsettled(deps, settled));
  return settled;
}

/** A run that has lost its job writes nothing but what it has used. */
export async function concludeLost(deps: Deps, job: WholeJob, end: RunEnd): Promise<null> {
  const used = usedBy(deps, job, end);
  if (used) await patiently(deps, () => writeLost(deps.db, job, used));
  return null;
}

async function settleOrKeep(deps: Deps, job: WholeJob, end: RunEnd): Promise<Concluded> {
  try {
    return await patiently(deps, () => settle(deps, job, end));
  } catch (error) {
    if (!isAway(error)) throw error;
    await patiently(deps, () => keepUnsettled(deps, job, end));
    deps.log("kept_unsettled", { job: job.id, run: job.run });
    await ringLater(deps, job, deps.config.timing.leaseMs);
    return "kept";
  }
}

async function patiently<T>(deps: Deps, write: () => Promise<T>): Promise<T> {
  const giveUpAt = deps.now() + PATIENCE_MS;
  for (let delayMs = 250; ; delayMs = Math.min(delayMs * 2, 4_000)) {
    try {
      return await write();
    } catch (error) {
      if (!isAway(error) || deps.now() + delayMs > giveUpAt) throw error;
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
  }
}

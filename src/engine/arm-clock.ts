// Makes sure that the clock will look, before anything is stored that it must find.

import type { Deps } from "../deps";
import { errorField } from "../log";
import { within } from "../store/within";

// The clock's own promise, "I shall look when this time is over", remembered so that a warm submit costs no call. Counted
// from before the call by this isolate's own clock, which need not agree with that of the object.
// It says nothing about any job: an isolate that has forgotten it asks again.
const promises = new WeakMap<Deps["clock"], number>();

/** How long before the promised instant an isolate asks anew. Must exceed what a submit takes. */
const MARGIN_MS = 30_000;

/** A submit waits for this, and is worth more than the clock's word: the cron trigger looks after the clock. */
const PATIENCE_MS = 1_500;

/** Never throws: should the clock not answer, the cron trigger wakes it within a minute. */
export async function armClock(deps: Deps): Promise<void> {
  const awakeUntil = promises.get(deps.clock) ?? 0;
  if (deps.now() < awakeUntil - MARGIN_MS) return;
  const askedAt = deps.now();
  const promisedMs = await call(deps, (clock) => clock.arm());
  if (promisedMs !== null) promises.set(deps.clock, askedAt + promisedMs);
}

/** As armClock, for something that is due in `inMs`. */
export async function armClockFor(deps: Deps, inMs: number): Promise<void> {
  await call(deps, (clock) => clock.armFor(inMs));
}

/** The watchdog: asks whatever was promised, so that a clock which has lost its alarm gets a new one. */
export async function wakeClock(deps: Deps): Promise<void> {
  await call(deps, (clock) => clock.wake());
}

type Stub = ReturnType<Deps["clock"]["getByName"]>;

async function call<T>(deps: Deps, ask: (clock: Stub) => Promise<T>): Promise<T | null> {
  try {
    const asked = ask(deps.clock.getByName("clock"));
    return await within(PATIENCE_MS, asked, () => new Error("the clock does not answer"));
  } catch (error) {
    deps.log("arm_clock_failed", { error: errorField(error) });
    return null;
  }
}

// Virtual time: a timer goes off as soon as nothing else is under way, so that no test sleeps.

import { vi } from "vitest";

// Taken before anything is faked: real I/O needs real turns of the event loop.
const realSetTimeout = globalThis.setTimeout;
const RealDate = globalThis.Date;

const turn = () => new Promise<void>((resolve) => realSetTimeout(resolve, 0));

/** Turns without any call under way after which the code is taken to be waiting for a timer. */
const QUIET_TURNS = 3;

/** A call that is under way for as many turns will not end. */
const BUSY_TURNS = 30_000;

/** As many without a timer: nothing will ever happen again. */
const DEAD_TURNS = 200;

let passedMs = 0;

/** How much time has passed in a test so far: what timers took, and what `pass` was told. */
export function elapsedMs(): number {
  return passedMs;
}

/** Lets time pass in which nobody does anything. */
export function pass(ms: number): void {
  passedMs += ms;
}

export function startVirtualTime(): void {
  passedMs = 0;
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] });
}

export function stopVirtualTime(): void {
  vi.clearAllTimers();
  vi.useRealTimers();
}

/** Back to real time, by which the database goes. */
export function meetRealTime(): void {
  vi.setSystemTime(RealDate.now());
}

/** Nobody is left who waits for them. */
export function dropTimers(): void {
  vi.clearAllTimers();
}

/** Lets time pass until the promise is settled. False: it never will be, or not within `limitMs` of virtual time. */
export async function pump(
  promise: Promise<unknown>,
  isBusy: () => boolean,
  limitMs: number,
): Promise<boolean> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  promise.then(over, over);
  const startedAt = Date.now();
  let quiet = 0;
  let busy = 0;
  while (!isOver) {
    await turn();
    if (isOver) break;
    busy = isBusy() ? busy + 1 : 0;
    quiet = isBusy() ? 0 : quiet + 1;
    if (busy > BUSY_TURNS) return false;
    if (quiet < QUIET_TURNS) continue;
    if (vi.getTimerCount() > 0) {
      if (Date.now() - startedAt > limitMs) return false;
      const before = Date.now();
      await vi.advanceTimersToNextTimerAsync();
      pass(Date.now() - before);
      quiet = 0;
    } else if (quiet > DEAD_TURNS) return false;
  }
  return true;
}

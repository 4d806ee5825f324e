// What the provider's headers say is left: a cap on what may be given out now.

import { Bucket } from "./bucket";
import type { Meter } from "./report";

const MINUTE_MS = 60_000;
/** No limit by the minute takes longer to be full again; a little for clocks that differ. */
const LONGEST_MINUTE_MS = 65_000;
/** A limit by the minute, read in the middle of a fixed one, can look like one of twice the length. */
const LONGEST_PERIOD_MS = 2 * MINUTE_MS;

export class AnnouncedMeter {
  /** By the minute; null while the headers have not shown that it is by the minute. */
  limit: number | null = null;
  private room: Bucket | null = null;
  private full = 0;
  private fullAt = 0;
  private readAt = Number.NEGATIVE_INFINITY;

  /**
   * `since(t)`: what was given out since then, without the request that was answered. The header tells the state at some
   * moment between the request's start and its arrival. Counted from either end the result is off by the difference of
   * what refilled and what was sent in between; the lower of the two is safe and in a steady stream costs nothing.
   */
  read(meter: Meter, startedAt: number, at: number, now: number, since: (at: number) => number): void {
    if (at < this.readAt) return;
    this.readAt = at;
    this.readLimit(meter);
    const { remaining } = meter;
    if (remaining === null) return;
    const full = meter.limit ?? Math.max(remaining, this.full);
    const rate = refillRate(full, remaining, meter.resetMs);
    const left = (from: number) => Math.min(full, remaining + rate * (now - from)) - since(from);
    this.full = full;
    this.fullAt = at + (meter.resetMs ?? MINUTE_MS);
    this.room = new Bucket(rate, full, Math.min(left(startedAt), left(at)), now);
  }

  /** How much may be given out by the headers; null: they say nothing any more. */
  left(now: number): number | null {
    if (now >= this.fullAt) this.room = null;
    return this.room?.levelAt(now) ?? null;
  }

  /** Whether the headers have shown room for more than the next few jobs. */
  isRoomy(now: number): boolean {
    return (this.left(now) ?? 0) > this.full / 2;
  }

  spend(amount: number, now: number): void {
    this.room?.take(amount, now);
  }

  /** What was spent at `at` was more by so much, or less. What the headers have counted already they have counted right. */
  correct(more: number, at: number, now: number): void {
    if (at <= this.readAt) return;
    if (more > 0) this.room?.take(more, now);
    else this.room?.refund(-more, this.full, now);
  }

  msUntil(amount: number, now: number): number {
    if (this.left(now) === null) return 0;
    return Math.min(this.room?.msUntil(amount, now) ?? 0, Math.max(0, this.fullAt - now));
  }

  /**
   * Groq announces requests by the day and tokens by the minute under the same names. What is used and when it will all
   * be back tells them apart: 30 of 14,400 used and back in three minutes is 14,400 a day.
   */
  private readLimit({ limit, remaining, resetMs }: Meter): void {
    if (limit === null) return;
    if (resetMs === null) this.limit = limit;
    else if (resetMs > LONGEST_MINUTE_MS) this.limit = null;
    else if (remaining !== null && resetMs * limit <= LONGEST_PERIOD_MS * (limit - remaining))
      this.limit = limit;
    // Too little is used to tell. A limit that was known to be by the minute has changed with it.
    else if (this.limit !== null) this.limit = limit;
  }
}

/** Never faster than by the minute: a fixed minute gives nothing back before it is over. */
function refillRate(full: number, remaining: number, resetMs: number | null): number {
  const slowest = full / MINUTE_MS;
  if (resetMs === null || resetMs <= 0) return slowest;
  return Math.max(1e-9, Math.min(slowest, (full - remaining) / resetMs));
}

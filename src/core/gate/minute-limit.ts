// A limit by the minute: a bucket that paces, a sliding sum that is never above it, and what the headers say is left.

import { AnnouncedMeter } from "./announced-meter";
import { Bucket } from "./bucket";
import { SlidingMinute, SPAN_S } from "./sliding-minute";

/** What the bucket holds, in seconds of its rate: until the headers show room, and then. */
const HOLD_S = 1;
const ROOMY_HOLD_S = 10;

/**
 * Estimates are means, so about half of the jobs use more. Their errors are independent: together they are off by the
 * root of the summed variances. Simulated with 30 % to 50 % noise, a margin of three such deviations for all that is in flight
 * keeps the provider's count below the limit at a cost of 1 % to 2 %, where one deviation more for each job costs 13 %
 * of the limit when runs take 20 s.
 */
const DEVIATIONS = 3;
const LARGEST_MARGIN = 0.1;

export class MinuteLimit {
  readonly spent = new SlidingMinute();
  readonly announced = new AnnouncedMeter();
  private readonly pacing: Bucket;
  private largest = 0;

  /** Starts with an empty bucket: what was given out before is not known. */
  constructor(
    private inForce: number | null,
    now: number,
  ) {
    this.pacing = new Bucket(0, 0, 0, now);
    this.reshape(now);
  }

  get limit(): number | null {
    return this.inForce;
  }

  setLimit(limit: number | null, now: number): void {
    if (limit === this.inForce) return;
    this.inForce = limit;
    this.reshape(now);
  }

  /** Milliseconds until so much may be given out; 0: now. */
  msUntil(amount: number, now: number): number {
    const announced = this.announced.msUntil(amount + this.margin(now), now);
    if (this.inForce === null) return announced;
    const used = this.spent.sum(now);
    // Alone, a job may be larger than the limit: else it would wait for ever.
    const most = Math.max(0, this.inForce - this.margin(now) - amount);
    const sliding = used <= most ? 0 : this.spent.msUntil(most, now);
    return Math.max(announced, sliding, this.pacing.msUntil(amount, now));
  }

  spend(amount: number, variance: number, now: number): void {
    this.spent.add(amount, variance, now);
    this.largest = Math.max(amount, this.largest * 0.99);
    this.reshape(now);
    this.pacing.take(amount, now);
    this.announced.spend(amount, now);
  }

  /** Puts right what was spent at `at`: `more` may be negative. */
  correct(more: number, variance: number, at: number, now: number): void {
    this.spent.add(more, -variance, at);
    if (more > 0) this.pacing.take(more, now);
    else this.pacing.refund(-more, Math.max(0, this.perSecond(now) * ROOMY_HOLD_S), now);
    this.announced.correct(more, at, now);
  }

  /** What the minute still has room for; null: no limit. */
  left(now: number): number | null {
    const announced = this.announced.left(now);
    if (this.inForce === null) return announced === null ? null : Math.max(0, Math.floor(announced));
    const left = this.inForce - this.spent.sum(now);
    return Math.max(0, Math.floor(announced === null ? left : Math.min(left, announced)));
  }

  /** What it gives out in the long run. */
  perSecond(now: number): number {
    return this.inForce === null ? Number.POSITIVE_INFINITY : (this.inForce - this.margin(now)) / SPAN_S;
  }

  private margin(now: number): number {
    const margin = Math.ceil(DEVIATIONS * Math.sqrt(this.spent.variance(now)));
    return Math.min(margin, LARGEST_MARGIN * (this.inForce ?? Number.POSITIVE_INFINITY));
  }

  /** Pacing at what the sliding sum allows for in the long run keeps that from filling up and letting go in lumps. */
  private reshape(now: number): void {
    if (this.inForce === null) return;
    const rate = this.perSecond(now);
    // It fills to the largest job of late, so that such a job leaves no debt for the next one to wait for.
    const hold = this.announced.isRoomy(now) ? ROOMY_HOLD_S : HOLD_S;
    const cap = Math.max(rate * hold, Math.min(this.largest, rate * ROOMY_HOLD_S));
    this.pacing.reshape(rate / 1_000, cap, now);
  }
}

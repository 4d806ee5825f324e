// A limit by the minute: a bucket that paces, a sliding sum that is never above it, and what the headers say is left.

import { AnnouncedMeter } from "./announced-meter";
import { Bucket } from "./bucket";
import { NEWEST } from "./estimates";
import { SlidingMinute, SPAN_S } from "./sliding-minute";

/** What the bucket holds, in seconds of its rate: until the headers show room, and then. */
const HOLD_S = 1;
const ROOMY_HOLD_S = 10;

/**
 * Estimates are means, so about half of the jobs use more. Their errors are mostly independent: together they are off by
 * the root of the summed variances, and by what the mean itself is off, which all of them share. Errors are skewed and a
 * gate looks ten times a second, so rare sums are met: simulated with 30 % to 50 % noise, a margin of four such deviations
 * for what is in flight meets a refusal every hour or two, one of six none in a day, for 2 % to 3 % of the limit. One
 * deviation more for each single job would hold back 40 % of what is in flight: 13 % of a minute when runs take 20 s.
 */
const DEVIATIONS = 6;
const LARGEST_MARGIN = 0.1;
/** Two calls that left a minute apart can arrive a little closer together: 120 ms of the limit. */
const JITTER = 0.002;

export class MinuteLimit {
  readonly spent = new SlidingMinute();
  readonly announced = new AnnouncedMeter();
  private readonly pacing: Bucket;
  private largest = 0;
  /** Estimates that have not been settled. */
  private unsettled = 0;

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
    if (variance > 0) this.unsettled++;
    this.largest = Math.max(amount, this.largest * 0.99);
    this.reshape(now);
    this.pacing.take(amount, now);
    this.announced.spend(amount, now);
  }

  /** Puts right what was spent at `at`: `more` may be negative. */
  correct(more: number, variance: number, at: number, now: number): void {
    this.spent.add(more, -variance, at);
    if (variance > 0) this.unsettled--;
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

  /** What the pacing has to give: negative when it is in debt. */
  paced(now: number): number {
    return this.inForce === null ? Number.POSITIVE_INFINITY : this.pacing.levelAt(now);
  }

  /** Milliseconds until the sliding sum has room for so much, if it is less than the limit. */
  msUntilSum(amount: number, now: number): number {
    if (this.inForce === null) return 0;
    return this.spent.msUntil(Math.max(0, this.inForce - this.margin(now) - amount), now);
  }

  /** What it gives out in the long run. */
  perSecond(now: number): number {
    return this.inForce === null ? Number.POSITIVE_INFINITY : (this.inForce - this.margin(now)) / SPAN_S;
  }

  private margin(now: number): number {
    const variance = this.spent.variance(now) * (1 + (this.unsettled * NEWEST) / 2);
    const margin = Math.ceil(DEVIATIONS * Math.sqrt(variance));
    const limit = this.inForce ?? Number.POSITIVE_INFINITY;
    return (
      Math.min(margin, LARGEST_MARGIN * limit) + (this.inForce === null ? 0 : Math.floor(limit * JITTER))
    );
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

// A limit that nobody announces: found by what is refused (additive increase, multiplicative decrease).

export type LearnedRateMemory = { rate: number; ceiling: number };

const DECREASE = 0.7;
/** Around the rate that was refused last the rise is slow: there it stays longest, so little is lost and little refused. */
const NEAR = { from: 0.95, to: 1.05 };
/** By the second, as a share of the rate that was refused last. */
const RISE = { below: 0.01, near: 0.0005, above: 0.01 };
const LEAST_CEILING = 0.8;
const LOWEST = 1;
/** So few requests in a minute say nothing of a limit: to pause is enough. */
const FEWEST = 5;

export class LearnedRate {
  private rate: number | null;
  private ceiling: number;
  private first = false;
  private pressed = false;
  private risenAt: number;

  constructor(memory: LearnedRateMemory | null, now: number) {
    this.rate = memory?.rate ?? null;
    this.ceiling = memory?.ceiling ?? 0;
    this.risenAt = now;
  }

  /** Requests a minute; null: nothing was refused. */
  get value(): number | null {
    return this.rate;
  }

  /** `served`: requests of the last minute that were not refused. `again`: it was in flight when another was refused. */
  refused(served: number, again: boolean, now: number): void {
    if (again && !this.first) return;
    // The first time many are out at once, and how many of them are refused shows only as they come back.
    this.first = again || this.rate === null;
    const rate = this.first ? served : (this.rate ?? served);
    this.ceiling = Math.max(LOWEST, again ? Math.min(this.ceiling, served) : atCeiling(rate, served));
    this.rate = Math.max(LOWEST, DECREASE * (again ? this.ceiling : rate));
    if (this.first && served < FEWEST) this.rate = null;
    this.risenAt = now;
    this.pressed = false;
  }

  /** A job had to wait because of it. */
  press(): void {
    this.pressed = true;
  }

  /**
   * Rises while it is used to the full. It is gone when it has come to what is configured, or is far above what was refused
   * and does not bind any more: let go while jobs wait for it, all of them would start at once and be refused.
   */
  rise(configured: number | null, now: number): void {
    const seconds = (now - this.risenAt) / 1_000;
    if (this.rate === null || seconds < 1) return;
    const isFar = this.rate > 2 * this.ceiling;
    if (this.pressed) this.rate += Math.min(seconds, 5) * this.step(this.rate);
    if ((configured !== null && this.rate >= configured) || (isFar && !this.pressed)) this.rate = null;
    this.pressed = false;
    this.risenAt = now;
  }

  memory(): LearnedRateMemory | null {
    return this.rate === null ? null : { rate: this.rate, ceiling: this.ceiling };
  }

  private step(rate: number): number {
    const at = rate / this.ceiling;
    if (at >= NEAR.to) return rate * RISE.above;
    return this.ceiling * (at < NEAR.from ? RISE.below : RISE.near);
  }
}

/** A rate that has risen fast is ahead of what the minute shows; one that was pausing is behind it. */
function atCeiling(rate: number, served: number): number {
  return Math.max(LEAST_CEILING * rate, Math.min(rate, served));
}

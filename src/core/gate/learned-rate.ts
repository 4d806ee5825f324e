// A limit that nobody announces: found by what is refused (additive increase, multiplicative decrease).

export type LearnedRateMemory = { rate: number; ceiling: number };

const DECREASE = 0.7;
/** Around the rate that was refused last the rise is slow: there it stays longest, so little is lost and little refused. */
const NEAR = { from: 0.95, to: 1.05 };
/** By the second, as a share of the rate that was refused last. */
const RISE = { below: 0.01, near: 0.001, above: 0.02 };
const LOWEST = 1;

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
    const refusedAt = this.first ? served : (this.rate ?? served);
    this.ceiling = Math.max(LOWEST, again ? Math.min(this.ceiling, refusedAt) : refusedAt);
    this.rate = Math.max(LOWEST, this.ceiling * DECREASE);
    this.risenAt = now;
    this.pressed = false;
  }

  /** A job had to wait because of it. */
  press(): void {
    this.pressed = true;
  }

  /** Rises while it is used to the full; gone when it has risen far above what was refused, or to what is configured. */
  rise(configured: number | null, now: number): void {
    const seconds = (now - this.risenAt) / 1_000;
    if (this.rate === null || seconds < 1) return;
    if (this.pressed) this.rate += Math.min(seconds, 5) * this.step(this.rate);
    this.pressed = false;
    this.risenAt = now;
    if (this.rate > 2 * this.ceiling || (configured !== null && this.rate >= configured)) this.rate = null;
  }

  memory(): LearnedRateMemory | null {
    return this.rate === null ? null : { rate: this.rate, ceiling: this.ceiling };
  }

  private step(rate: number): number {
    const at = rate / this.ceiling;
    return this.ceiling * (at < NEAR.from ? RISE.below : at < NEAR.to ? RISE.near : RISE.above);
  }
}

// What was given out in the last sixty seconds, by the quarter second, with how uncertain it still is.

const SLOT_MS = 250;
const MINUTE_MS = 60_000;
/** A whole minute of them and the one that has just begun: nothing is forgotten before it is a minute old. */
const SLOTS = MINUTE_MS / SLOT_MS + 1;

/** For how long something counts at most. */
export const SPAN_S = (SLOTS * SLOT_MS) / 1_000;

export class SlidingMinute {
  private readonly amounts = new Float64Array(SLOTS);
  private readonly variances = new Float64Array(SLOTS);
  private newest = 0;
  private total = 0;
  private totalVariance = 0;

  add(amount: number, variance: number, at: number): void {
    this.advance(at);
    const slot = Math.floor(at / SLOT_MS);
    if (slot <= this.newest - SLOTS) return;
    const i = slot % SLOTS;
    this.amounts[i] = (this.amounts[i] ?? 0) + amount;
    this.variances[i] = (this.variances[i] ?? 0) + variance;
    this.total += amount;
    this.totalVariance += variance;
  }

  sum(now: number): number {
    this.advance(now);
    return this.total;
  }

  /** Of the sum, by what is not settled yet. */
  variance(now: number): number {
    this.advance(now);
    return Math.max(0, this.totalVariance);
  }

  /** What was given out since then. Of the slot in which that was the part that came after it counts. */
  since(at: number, now: number): number {
    this.advance(now);
    const first = Math.max(Math.floor(at / SLOT_MS), this.newest - SLOTS + 1);
    if (first > this.newest) return 0;
    let sum = 0;
    for (let slot = first + 1; slot <= this.newest; slot++) sum += this.amounts[slot % SLOTS] ?? 0;
    const part = 1 - Math.max(0, Math.min(1, at / SLOT_MS - first));
    return sum + part * (this.amounts[first % SLOTS] ?? 0);
  }

  /** Milliseconds until so much has left that the sum is `target` or less. */
  msUntil(target: number, now: number): number {
    this.advance(now);
    let sum = this.total;
    if (sum <= target) return 0;
    for (let slot = this.newest - SLOTS + 1; slot <= this.newest; slot++) {
      sum -= this.amounts[slot % SLOTS] ?? 0;
      if (sum <= target) return (slot + SLOTS) * SLOT_MS - now;
    }
    return SLOTS * SLOT_MS;
  }

  private advance(now: number): void {
    const slot = Math.floor(now / SLOT_MS);
    if (slot <= this.newest) return;
    for (let next = Math.max(this.newest + 1, slot - SLOTS + 1); next <= slot; next++) {
      const i = next % SLOTS;
      this.total -= this.amounts[i] ?? 0;
      this.totalVariance -= this.variances[i] ?? 0;
      this.amounts[i] = 0;
      this.variances[i] = 0;
    }
    this.newest = slot;
  }
}

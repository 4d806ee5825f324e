// What was given out in the last sixty seconds, by the second, with how uncertain it still is.

const SECOND_MS = 1_000;

/** Sixty seconds and the one that has just begun: nothing is forgotten before it is a whole minute old. */
export const SPAN_S = 61;

export class SlidingMinute {
  private readonly amounts = new Float64Array(SPAN_S);
  private readonly variances = new Float64Array(SPAN_S);
  private newest = 0;
  private total = 0;

  add(amount: number, variance: number, at: number): void {
    this.advance(at);
    const second = Math.floor(at / SECOND_MS);
    if (second <= this.newest - SPAN_S) return;
    const i = second % SPAN_S;
    this.amounts[i] = (this.amounts[i] ?? 0) + amount;
    this.variances[i] = Math.max(0, (this.variances[i] ?? 0) + variance);
    this.total += amount;
  }

  sum(now: number): number {
    this.advance(now);
    return this.total;
  }

  /** Of the sum of what is not settled yet. */
  variance(now: number): number {
    this.advance(now);
    return this.variances.reduce((sum, variance) => sum + variance, 0);
  }

  /** What was given out since then. The second in which that was counts by the part that came after it. */
  since(at: number, now: number): number {
    this.advance(now);
    const first = Math.max(Math.floor(at / SECOND_MS), this.newest - SPAN_S + 1);
    let sum = 0;
    for (let second = first + 1; second <= this.newest; second++) sum += this.amounts[second % SPAN_S] ?? 0;
    const part = 1 - Math.max(0, Math.min(1, at / SECOND_MS - first));
    return first > this.newest ? 0 : sum + part * (this.amounts[first % SPAN_S] ?? 0);
  }

  /** Milliseconds until so much has left that the sum is `target` or less. */
  msUntil(target: number, now: number): number {
    this.advance(now);
    let sum = this.total;
    for (let age = SPAN_S - 1; age >= 0 && sum > target; age--) {
      const second = this.newest - age;
      if (second < 0) continue;
      sum -= this.amounts[second % SPAN_S] ?? 0;
      if (sum <= target) return (second + SPAN_S) * SECOND_MS - now;
    }
    return sum <= target ? 0 : SPAN_S * SECOND_MS;
  }

  private advance(now: number): void {
    const second = Math.floor(now / SECOND_MS);
    if (second <= this.newest) return;
    const passed = Math.min(SPAN_S, second - this.newest);
    for (let i = 1; i <= passed; i++) {
      const slot = (second - passed + i) % SPAN_S;
      this.total -= this.amounts[slot] ?? 0;
      this.amounts[slot] = 0;
      this.variances[slot] = 0;
    }
    this.newest = second;
  }
}

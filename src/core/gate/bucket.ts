// A token bucket: room that refills at a steady rate up to a cap, and may go into debt.

export class Bucket {
  /** `rate`: per millisecond. */
  constructor(
    private rate: number,
    private cap: number,
    private level: number,
    private at: number,
  ) {}

  levelAt(now: number): number {
    this.advance(now);
    return this.level;
  }

  /** What is above a lowered cap is lost; a raised cap fills at the rate. */
  reshape(rate: number, cap: number, now: number): void {
    this.advance(now);
    if (cap < this.cap) this.level = Math.min(this.level, cap);
    this.rate = rate;
    this.cap = cap;
  }

  take(amount: number, now: number): void {
    this.advance(now);
    this.level -= amount;
  }

  /** Gives back what was taken and not used: up to `most`, which may be above the cap. */
  refund(amount: number, most: number, now: number): void {
    this.advance(now);
    this.level = Math.max(this.level, Math.min(most, this.level + amount));
  }

  /** Milliseconds until it holds `amount`, or is full; 0: now. */
  msUntil(amount: number, now: number): number {
    this.advance(now);
    const missing = Math.min(amount, this.cap) - this.level;
    // Below a millionth is the rounding of floating-point sums, not a lack.
    return missing <= 1e-6 ? 0 : Math.ceil(missing / this.rate);
  }

  private advance(now: number): void {
    const passed = now - this.at;
    if (passed <= 0) return;
    this.level = Math.max(this.level, Math.min(this.cap, this.level + passed * this.rate));
    this.at = now;
  }
}

// The pause of a whole pool after the provider has answered 429.

const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;
/** A provider that says "at once" and refuses again is not asked without a pause. */
const SHORTEST_MS = 250;

export class BackOff {
  private until: number;
  private beganAt = Number.NEGATIVE_INFINITY;
  private streak = 0;

  constructor(until: number) {
    this.until = until;
  }

  get endsAt(): number {
    return this.until;
  }

  /** False: it was in flight when another was refused, so that it is the same refusal. */
  refused(startedAt: number, retryAfterMs: number | null, now: number): boolean {
    const isNew = startedAt > this.beganAt;
    if (isNew) {
      this.streak++;
      this.beganAt = now;
    }
    if (retryAfterMs !== null) this.until = Math.max(this.until, now + Math.max(SHORTEST_MS, retryAfterMs));
    else if (isNew)
      this.until = Math.max(
        this.until,
        now + Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.streak - 1, 10)),
      );
    return isNew;
  }

  served(startedAt: number): void {
    if (startedAt >= this.until) this.streak = 0;
  }

  msUntil(now: number): number {
    return Math.max(0, this.until - now);
  }
}

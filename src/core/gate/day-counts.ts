// Requests and tokens of a UTC day, for limits by the day.

const DAY_MS = 86_400_000;

export type DayMemory = { day: number; requests: number; tokens: number };

export class DayCounts {
  private day: number;
  private requests = 0;
  private tokens = 0;

  constructor(memory: DayMemory | null, now: number) {
    this.day = memory?.day ?? Math.floor(now / DAY_MS);
    this.requests = memory?.requests ?? 0;
    this.tokens = memory?.tokens ?? 0;
  }

  /** `at`: when it was given out, which may have been yesterday. */
  add(requests: number, tokens: number, at: number, now: number): void {
    this.advance(now);
    if (Math.floor(at / DAY_MS) !== this.day) return;
    this.requests += requests;
    this.tokens += tokens;
  }

  used(now: number): { requests: number; tokens: number } {
    this.advance(now);
    return { requests: this.requests, tokens: this.tokens };
  }

  /** Milliseconds until midnight when one of the limits has no room; else 0. A larger job than a day's limit goes first in a day. */
  msUntil(tokens: number, rpd: number | null, tpd: number | null, now: number): number {
    this.advance(now);
    const requestsFit = rpd === null || this.requests + 1 <= rpd;
    const tokensFit = tpd === null || this.tokens <= 0 || this.tokens + tokens <= tpd;
    return requestsFit && tokensFit ? 0 : (this.day + 1) * DAY_MS - now;
  }

  memory(): DayMemory {
    return { day: this.day, requests: this.requests, tokens: this.tokens };
  }

  private advance(now: number): void {
    const day = Math.floor(now / DAY_MS);
    if (day <= this.day) return;
    this.day = day;
    this.requests = 0;
    this.tokens = 0;
  }
}

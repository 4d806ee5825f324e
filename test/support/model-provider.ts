// A provider's rate limits as they are met in the wild: a bucket that refills, a sliding minute, or a fixed one.

import type { Announced, Meter } from "../../src/core/gate/gate";

export type LimitKind = "bucket" | "sliding" | "fixed";
export type ProviderOptions = {
  kind: LimitKind;
  rpm: number | null;
  tpm: number | null;
  announces: boolean;
  saysRetryAfter: boolean;
};

const MINUTE_MS = 60_000;

/** One limit by the minute, of one of the kinds. */
class Quota {
  private level: number;
  private at: number;
  private charges: { at: number; amount: number }[] = [];
  private first = 0;
  private sum = 0;

  constructor(
    private readonly kind: LimitKind,
    public limit: number,
    now: number,
  ) {
    this.level = limit;
    this.at = now;
  }

  remaining(now: number): number {
    if (this.kind === "bucket") {
      this.level = Math.min(this.limit, this.level + ((now - this.at) * this.limit) / MINUTE_MS);
      this.at = now;
      return this.level;
    }
    const minute = Math.floor(now / MINUTE_MS) * MINUTE_MS;
    const from = this.kind === "fixed" ? minute - 1 : now - MINUTE_MS;
    for (
      let charge = this.charges[this.first];
      charge && charge.at <= from;
      charge = this.charges[this.first]
    ) {
      this.sum -= charge.amount;
      this.first++;
    }
    return this.limit - this.sum;
  }

  charge(amount: number, now: number): void {
    this.remaining(now);
    this.level -= amount;
    this.sum += amount;
    this.charges.push({ at: now, amount });
  }

  /** Until nothing counts as used any more. */
  resetMs(now: number): number {
    const used = this.limit - this.remaining(now);
    if (used <= 0) return 0;
    if (this.kind === "bucket") return (used * MINUTE_MS) / this.limit;
    if (this.kind === "fixed") return MINUTE_MS - (now % MINUTE_MS);
    return Math.max(0, (this.charges.at(-1)?.at ?? now) + MINUTE_MS - now);
  }

  msUntil(amount: number, now: number): number {
    let missing = amount - this.remaining(now);
    if (missing <= 0) return 0;
    if (this.kind === "bucket") return (missing * MINUTE_MS) / this.limit;
    if (this.kind === "fixed") return MINUTE_MS - (now % MINUTE_MS);
    for (let i = this.first; i < this.charges.length; i++) {
      const charge = this.charges[i];
      missing -= charge?.amount ?? 0;
      if (missing <= 0) return (charge?.at ?? now) + MINUTE_MS - now;
    }
    return MINUTE_MS;
  }

  meter(now: number): Meter {
    return {
      limit: this.limit,
      remaining: Math.max(0, Math.floor(this.remaining(now))),
      resetMs: Math.ceil(this.resetMs(now)),
    };
  }
}

export type Answer = { served: boolean; announced: Announced | null; retryAfterMs: number | null };

export class ModelProvider {
  isDown = false;
  refused = 0;
  /** Tokens and requests that were served, by the minute. */
  readonly minutes = new Map<number, { requests: number; tokens: number }>();
  private requests: Quota | null = null;
  private tokens: Quota | null = null;

  constructor(
    private readonly options: ProviderOptions,
    now: number,
  ) {
    this.setLimits(options.rpm, options.tpm, now);
  }

  setLimits(rpm: number | null, tpm: number | null, now: number): void {
    const { kind } = this.options;
    this.requests = rpm === null ? null : new Quota(kind, rpm, now);
    this.tokens = tpm === null ? null : new Quota(kind, tpm, now);
  }

  /** A request that will use so many tokens, which are charged at its start. */
  call(tokens: number, now: number): Answer {
    const tokensFit = this.fits(this.tokens, tokens, now);
    const served = tokensFit && this.fits(this.requests, 1, now);
    if (served) {
      this.requests?.charge(1, now);
      this.tokens?.charge(tokens, now);
      const minute = Math.floor(now / MINUTE_MS);
      const sums = this.minutes.get(minute) ?? { requests: 0, tokens: 0 };
      this.minutes.set(minute, { requests: sums.requests + 1, tokens: sums.tokens + tokens });
    } else this.refused++;
    const waitMs = Math.max(this.requests?.msUntil(1, now) ?? 0, this.tokens?.msUntil(tokens, now) ?? 0);
    return {
      served,
      announced: this.options.announces ? this.announced(now) : null,
      retryAfterMs: !served && this.options.saysRetryAfter ? Math.ceil(waitMs) : null,
    };
  }

  private announced(now: number): Announced {
    return { at: now, requests: this.requests?.meter(now) ?? null, tokens: this.tokens?.meter(now) ?? null };
  }

  /** One that is larger than the limit is served when nothing else is used. */
  private fits(quota: Quota | null, amount: number, now: number): boolean {
    return quota === null || quota.remaining(now) >= Math.min(amount, quota.limit * 0.999);
  }
}

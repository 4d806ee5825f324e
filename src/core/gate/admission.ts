// Whether a request may start: every limit of a pool, asked together.

import { BackOff } from "./back-off";
import { DayCounts, type DayMemory } from "./day-counts";
import type { Cost } from "./estimates";
import { LearnedRate, type LearnedRateMemory } from "./learned-rate";
import { MinuteLimit } from "./minute-limit";
import type { Announced, Report } from "./report";
import { SlidingMinute } from "./sliding-minute";
import { lower, type PoolLimits } from "./ticket";

/** What was reserved for one request. */
export type Spend = Cost & { at: number; inputChars: number };

export type Guard = "backoff" | "rpm" | "tpm" | "rpd" | "tpd";
export type Wait = { ms: number; by: Guard | null };

export type AdmissionMemory = {
  day: DayMemory;
  rate: LearnedRateMemory | null;
  backOffUntil: number;
  rpm: number | null;
  tpm: number | null;
};

export class Admission {
  readonly requests: MinuteLimit;
  readonly tokens: MinuteLimit;
  readonly days: DayCounts;
  readonly learned: LearnedRate;
  readonly backOff: BackOff;
  /** Requests that were not refused. */
  private readonly served = new SlidingMinute();

  constructor(
    private limits: PoolLimits,
    private readonly adaptive: boolean,
    memory: AdmissionMemory | null,
    now: number,
  ) {
    this.days = new DayCounts(memory?.day ?? null, now);
    this.learned = new LearnedRate(memory?.rate ?? null, now);
    this.backOff = new BackOff(memory?.backOffUntil ?? 0);
    this.requests = new MinuteLimit(null, now);
    this.tokens = new MinuteLimit(null, now);
    this.requests.announced.limit = memory?.rpm ?? null;
    this.tokens.announced.limit = memory?.tpm ?? null;
    this.putInForce(now);
  }

  get configured(): PoolLimits {
    return this.limits;
  }

  setLimits(limits: PoolLimits, now: number): void {
    this.limits = limits;
    this.putInForce(now);
  }

  /** How long a request of this cost has to wait, and for which of the limits longest. */
  wait({ tokens }: Pick<Cost, "tokens">, now: number, requests = 1): Wait {
    if (this.learned.value !== null) {
      this.learned.rise(this.ceilingRpm(), now);
      this.putInForce(now);
    }
    const { rpd, tpd } = this.limits;
    let longest: Wait = { ms: this.backOff.msUntil(now), by: "backoff" };
    const compare = (ms: number, by: Guard) => {
      if (ms > longest.ms) longest = { ms, by };
    };
    const requestsMs = this.requests.msUntil(requests, now);
    if (requestsMs > 0) this.learned.press();
    compare(requestsMs, "rpm");
    compare(this.tokens.msUntil(tokens, now), "tpm");
    compare(this.days.msUntil(tokens, rpd, null, now), "rpd");
    compare(this.days.msUntil(tokens, null, tpd, now), "tpd");
    return longest.ms > 0 ? longest : { ms: 0, by: null };
  }

  spend(cost: Cost, inputChars: number, now: number): Spend {
    this.requests.spend(1, 0, now);
    this.tokens.spend(cost.tokens, cost.variance, now);
    this.served.add(1, 0, now);
    this.days.add(1, cost.tokens, now, now);
    return { ...cost, at: now, inputChars };
  }

  /** The request is made only now: the provider counts it from now on. */
  restamp(spend: Spend, now: number): Spend {
    this.requests.spent.add(-1, 0, spend.at);
    this.requests.spent.add(1, 0, now);
    this.tokens.spent.add(-spend.tokens, -spend.variance, spend.at);
    this.tokens.spent.add(spend.tokens, spend.variance, now);
    this.served.add(-1, 0, spend.at);
    this.served.add(1, 0, now);
    return { ...spend, at: now };
  }

  /** `tokens`: what was used really; the estimate was the same at best. */
  settle(spend: Spend, tokens: number, now: number): void {
    this.tokens.correct(tokens - spend.tokens, spend.variance, spend.at, now);
    this.days.add(0, tokens - spend.tokens, spend.at, now);
  }

  /** Nothing was sent. */
  refund(spend: Spend, now: number): void {
    this.settle(spend, 0, now);
    this.requests.correct(-1, 0, spend.at, now);
    this.served.add(-1, 0, spend.at);
    this.days.add(-1, 0, spend.at, now);
  }

  /** `spend`: of the request that was answered, with what it used really. */
  announce(announced: Announced, spend: Spend | null, now: number): void {
    const at = Math.min(announced.at, now);
    const startedAt = spend?.at ?? at;
    const without = (own: number, from: number) => (spend !== null && spend.at >= from ? own : 0);
    const { requests, tokens } = announced;
    if (requests !== null)
      this.requests.announced.read(requests, startedAt, at, now, (from) =>
        Math.max(0, this.requests.spent.since(from, now) - without(1, from)),
      );
    if (tokens !== null)
      this.tokens.announced.read(tokens, startedAt, at, now, (from) =>
        Math.max(0, this.tokens.spent.since(from, now) - without(spend?.tokens ?? 0, from)),
      );
    this.putInForce(now);
  }

  /** The whole pool pauses, once for all that were refused together. */
  refused(spend: Spend | null, report: Report, now: number): void {
    const startedAt = spend?.at ?? now;
    if (spend !== null) this.served.add(-1, 0, startedAt);
    const reason = explaining(report.announced, spend?.tokens ?? 0);
    const isNew = this.backOff.refused(startedAt, report.retryAfterMs ?? reason?.resetMs ?? null, now);
    const learns = this.adaptive || Object.values(this.limits).some((limit) => limit !== null);
    if (reason === null && learns) this.learned.refused(this.served.sum(now), !isNew, now);
    this.putInForce(now);
  }

  memory(): AdmissionMemory {
    return {
      day: this.days.memory(),
      rate: this.learned.memory(),
      backOffUntil: this.backOff.endsAt,
      rpm: this.requests.announced.limit,
      tpm: this.tokens.announced.limit,
    };
  }

  private ceilingRpm(): number | null {
    return lower(this.limits.rpm, this.requests.announced.limit);
  }

  private putInForce(now: number): void {
    this.requests.setLimit(lower(this.ceilingRpm(), this.learned.value), now);
    this.tokens.setLimit(lower(this.limits.tpm, this.tokens.announced.limit), now);
  }
}

/** The meter by which the headers explain a refusal; null: they do not. */
function explaining(announced: Announced | null, tokens: number) {
  if (announced === null) return null;
  const lacks = (remaining: number | null | undefined, needed: number) =>
    typeof remaining === "number" && remaining < needed;
  if (lacks(announced.requests?.remaining, 1)) return announced.requests;
  return lacks(announced.tokens?.remaining, tokens) ? announced.tokens : null;
}

// The parts that count: bucket, sliding minute, days, and what headers announce.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AnnouncedMeter } from "../../../src/core/gate/announced-meter";
import { Bucket } from "../../../src/core/gate/bucket";
import { DayCounts } from "../../../src/core/gate/day-counts";
import { Estimates } from "../../../src/core/gate/estimates";
import { MinuteLimit } from "../../../src/core/gate/minute-limit";
import { SlidingMinute } from "../../../src/core/gate/sliding-minute";

const T = 1_700_000_040_000;
const DAY_MS = 86_400_000;

describe("a bucket", () => {
  it("refills at its rate, up to its cap", () => {
    const bucket = new Bucket(0.01, 10, 0, T);
    expect(bucket.msUntil(5, T)).toBe(500);
    expect(bucket.levelAt(T + 500)).toBeCloseTo(5);
    expect(bucket.levelAt(T + 60_000)).toBe(10);
  });

  it("lets go when it is full what is larger than it, and pays the debt", () => {
    const bucket = new Bucket(0.01, 10, 10, T);
    expect(bucket.msUntil(30, T)).toBe(0);
    bucket.take(30, T);
    expect(bucket.msUntil(1, T)).toBe(2_100);
  });

  it("takes back more than it holds, up to what it is told", () => {
    const bucket = new Bucket(0.01, 10, 10, T);
    bucket.refund(50, 40, T);
    expect(bucket.levelAt(T + 1_000)).toBe(40);
  });
});

describe("a sliding minute", () => {
  it("never forgets anything that is less than a minute old, and keeps it no longer than 250 ms more", () => {
    const amounts = fc.array(fc.tuple(fc.nat(90_000), fc.integer({ min: 1, max: 100 })), { maxLength: 50 });
    fc.assert(
      fc.property(amounts, fc.nat(60_000), (given, later) => {
        const minute = new SlidingMinute();
        const sorted = given.toSorted(([a], [b]) => a - b);
        for (const [at, amount] of sorted) minute.add(amount, 0, T + at);
        const now = (sorted.at(-1)?.[0] ?? 0) + later;
        const sum = (ms: number) => sorted.reduce((all, [at, n]) => all + (at > now - ms ? n : 0), 0);
        expect(minute.sum(T + now)).toBeGreaterThanOrEqual(sum(60_000));
        expect(minute.sum(T + now)).toBeLessThanOrEqual(sum(60_250));
      }),
      { seed: 3 },
    );
  });

  it("says when it has room, and is right", () => {
    const minute = new SlidingMinute();
    minute.add(10, 0, T);
    minute.add(20, 0, T + 5_000);
    const ms = minute.msUntil(20, T + 5_000);
    expect(minute.sum(T + 5_000 + ms - 1)).toBe(30);
    expect(minute.sum(T + 5_000 + ms)).toBe(20);
  });

  it("is put right in the slot in which it was given out", () => {
    const minute = new SlidingMinute();
    minute.add(100, 0, T);
    minute.add(-40, 0, T);
    expect(minute.sum(T + 30_000)).toBe(60);
    expect(minute.sum(T + 61_000)).toBe(0);
    // Too late to matter.
    minute.add(-40, 0, T);
    expect(minute.sum(T + 61_000)).toBe(0);
  });
});

describe("a limit by the minute", () => {
  it("gives out nothing at once after a start, and about a second's worth after a pause", () => {
    const limit = new MinuteLimit(600, T);
    expect(limit.msUntil(1, T)).toBeGreaterThan(90);
    let burst = 0;
    while (limit.msUntil(1, T + 50_000) === 0 && burst < 100) {
      limit.spend(1, 0, T + 50_000);
      burst++;
    }
    expect(burst).toBeGreaterThanOrEqual(9);
    expect(burst).toBeLessThanOrEqual(11);
  });

  it("admits a job that is larger than the limit, alone", () => {
    const limit = new MinuteLimit(600, T);
    const first = T + limit.msUntil(1_000, T);
    limit.spend(1_000, 0, first);
    expect(limit.msUntil(1, first)).toBeGreaterThan(60_000);
    const next = first + limit.msUntil(1_000, first);
    expect(limit.spent.sum(next)).toBe(0);
    expect(next).toBeLessThan(first + 180_000);
  });

  it("gives back to the minute what was not used", () => {
    const limit = new MinuteLimit(600, T);
    limit.spend(600, 0, T + 10_000);
    expect(limit.left(T + 10_000)).toBe(0);
    limit.correct(-500, 0, T + 10_000, T + 12_000);
    expect(limit.left(T + 12_000)).toBe(500);
  });
});

describe("headers", () => {
  const unspent = () => 0;

  it("that announce requests by the day, as Groq's do, are no limit by the minute", () => {
    const meter = new AnnouncedMeter();
    meter.read({ limit: 14_400, remaining: 14_370, resetMs: 180_000 }, T, T, T, unspent);
    expect(meter.limit).toBeNull();
    // 6 s after the first two requests of a day this could be a fixed minute's too.
    const fresh = new AnnouncedMeter();
    fresh.read({ limit: 14_400, remaining: 14_399, resetMs: 6_000 }, T, T, T, unspent);
    expect(fresh.limit).toBeNull();
  });

  it("that announce a limit by the minute set it, whichever way the provider counts", () => {
    const bucket = new AnnouncedMeter();
    bucket.read({ limit: 6_000, remaining: 5_700, resetMs: 3_000 }, T, T, T, unspent);
    expect(bucket.limit).toBe(6_000);
    const fixed = new AnnouncedMeter();
    fixed.read({ limit: 6_000, remaining: 3_000, resetMs: 30_000 }, T, T, T, unspent);
    expect(fixed.limit).toBe(6_000);
  });

  it("cap what is given out by what is left, less what was sent since, until it is all back", () => {
    const limit = new MinuteLimit(6_000, T);
    limit.spend(50, 0, T + 9_000);
    const since = (at: number) => limit.spent.since(at, T + 10_000);
    limit.announced.read(
      { limit: 6_000, remaining: 60, resetMs: 59_400 },
      T + 8_000,
      T + 8_000,
      T + 10_000,
      since,
    );
    expect(limit.left(T + 10_000)).toBe(210);
    expect(limit.msUntil(500, T + 10_000)).toBeGreaterThan(2_000);
    expect(limit.announced.left(T + 8_000 + 59_400)).toBeNull();
  });

  it("that are older than the last ones change nothing", () => {
    const meter = new AnnouncedMeter();
    meter.read({ limit: 600, remaining: 300, resetMs: 30_000 }, T, T, T, unspent);
    meter.read({ limit: 600, remaining: 600, resetMs: 0 }, T - 5_000, T - 5_000, T, unspent);
    expect(meter.left(T)).toBe(300);
  });
});

describe("limits by the day", () => {
  it("are full until midnight UTC, and survive in memory", () => {
    const midnight = Math.ceil(T / DAY_MS) * DAY_MS;
    const days = new DayCounts(null, T);
    days.add(2, 900, T, T);
    const later = new DayCounts(JSON.parse(JSON.stringify(days.memory())), midnight - 1_000);
    expect(later.msUntil(100, 3, 1_000, midnight - 1_000)).toBe(0);
    expect(later.msUntil(101, 3, 1_000, midnight - 1_000)).toBe(1_000);
    later.add(1, 0, midnight - 1_000, midnight - 1_000);
    expect(later.msUntil(1, 3, 1_000, midnight - 1_000)).toBe(1_000);
    expect(later.msUntil(5_000, 3, 1_000, midnight)).toBe(0);
    // What was given out yesterday is put right there.
    later.add(0, 500, midnight - 1_000, midnight);
    expect(later.used(midnight)).toEqual({ requests: 0, tokens: 0 });
  });
});

describe("an estimate", () => {
  const size = { inputChars: 400, maxOutputTokens: null };

  it("begins with four characters a token and 500 tokens of output, and learns both", () => {
    const estimates = new Estimates(null);
    expect(estimates.cost("a", size).tokens).toBe(600);
    for (let i = 0; i < 500; i++) {
      estimates.learnInput(400, 200);
      estimates.learnOutput("a", 80);
    }
    expect(estimates.charsPerToken).toBeCloseTo(2, 1);
    expect(estimates.cost("a", size).tokens).toBeLessThan(290);
    expect(estimates.cost("b", size).tokens).toBeGreaterThan(690);
  });

  it("is the job's own maximum until 20 runs have shown what such jobs use", () => {
    const estimates = new Estimates(null);
    const bounded = { inputChars: 0, maxOutputTokens: 2_000 };
    for (let i = 0; i < 19; i++) estimates.learnOutput("a", 100);
    expect(estimates.cost("a", bounded).tokens).toBe(2_000);
    estimates.learnOutput("a", 100);
    expect(estimates.cost("a", bounded).tokens).toBeLessThan(150);
    expect(estimates.cost("a", { inputChars: 0, maxOutputTokens: 50 }).tokens).toBe(50);
  });

  it("remembers 100 tasks, those used last", () => {
    const estimates = new Estimates(null);
    for (let i = 0; i < 1_000; i++) estimates.learnOutput(`task${i}`, 10);
    expect(Object.keys(estimates.outputs())).toHaveLength(100);
    expect(estimates.outputs()).toHaveProperty("task999");
  });
});

// What providers say of their limits.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDuration, readRateLimits } from "../../src/llm/rate-limit-headers";

const NOW = Date.parse("2026-11-22T12:00:00Z");
const read = (headers: Record<string, string>) => readRateLimits(new Headers(headers), NOW);

describe("the headers", () => {
  it("of OpenAI give both meters", () => {
    const said = read({
      "x-ratelimit-limit-requests": "500",
      "x-ratelimit-remaining-requests": "499",
      "x-ratelimit-reset-requests": "120ms",
      "x-ratelimit-limit-tokens": "200000",
      "x-ratelimit-remaining-tokens": "199000",
      "x-ratelimit-reset-tokens": "6m0s",
    });
    expect(said).toEqual({
      at: NOW,
      requests: { limit: 500, remaining: 499, resetMs: 120 },
      tokens: { limit: 200_000, remaining: 199_000, resetMs: 360_000 },
    });
  });

  it("of Azure give what remains, and no more", () => {
    const said = read({ "x-ratelimit-remaining-requests": "9", "x-ratelimit-remaining-tokens": "800" });
    expect(said).toEqual({
      at: NOW,
      requests: { limit: null, remaining: 9, resetMs: null },
      tokens: { limit: null, remaining: 800, resetMs: null },
    });
  });

  it("of Anthropic give the tokens that hold at the moment, with the reset as an instant", () => {
    const said = read({
      "anthropic-ratelimit-requests-limit": "50",
      "anthropic-ratelimit-requests-remaining": "0",
      "anthropic-ratelimit-requests-reset": "2026-11-22T12:00:30Z",
      "anthropic-ratelimit-tokens-limit": "40000",
      "anthropic-ratelimit-tokens-remaining": "30000",
      "anthropic-ratelimit-tokens-reset": "2026-11-22T11:59:59Z",
      "anthropic-ratelimit-input-tokens-limit": "1",
    });
    expect(said?.requests).toEqual({ limit: 50, remaining: 0, resetMs: 30_000 });
    expect(said?.tokens).toEqual({ limit: 40_000, remaining: 30_000, resetMs: 0 });
  });

  it("of input and output tokens alone make one meter, with the smaller share of the two left", () => {
    const said = read({
      "anthropic-ratelimit-input-tokens-limit": "30000",
      "anthropic-ratelimit-input-tokens-remaining": "15000",
      "anthropic-ratelimit-input-tokens-reset": "2026-11-22T12:00:10Z",
      "anthropic-ratelimit-output-tokens-limit": "10000",
      "anthropic-ratelimit-output-tokens-remaining": "1000",
      "anthropic-ratelimit-output-tokens-reset": "2026-11-22T12:00:20+00:00",
    });
    expect(said?.tokens).toEqual({ limit: 40_000, remaining: 4_000, resetMs: 20_000 });
    const input = { "anthropic-ratelimit-input-tokens-limit": "30000" };
    expect(read(input)?.tokens).toEqual({ limit: 30_000, remaining: null, resetMs: null });
    const both = { "anthropic-ratelimit-output-tokens-remaining": "7" };
    expect(read({ ...input, ...both })?.tokens).toEqual({ limit: null, remaining: 7, resetMs: null });
  });

  it("of the IETF draft count requests, with the reset in seconds", () => {
    const said = read({
      "ratelimit-limit": "100, 100;w=60",
      "ratelimit-remaining": "1",
      "ratelimit-reset": "50",
    });
    expect(said).toEqual({ at: NOW, requests: { limit: 100, remaining: 1, resetMs: 50_000 }, tokens: null });
  });

  it.each<[string, Record<string, string>]>([
    ["are none", {}],
    ["are empty", { "x-ratelimit-limit-requests": "", "ratelimit-limit": "" }],
    ["are negative", { "x-ratelimit-limit-requests": "-1", "x-ratelimit-remaining-requests": "-1" }],
    ["are not decimal", { "x-ratelimit-limit-requests": "0x10", "x-ratelimit-remaining-tokens": "1e3" }],
    ["are endless", { "x-ratelimit-limit-tokens": "9".repeat(40), "x-ratelimit-limit-requests": "Infinity" }],
    ["are no limit at all", { "x-ratelimit-limit-tokens": "0", "anthropic-ratelimit-requests-limit": "0" }],
    ["are a reset alone", { "x-ratelimit-reset-requests": "1s", "ratelimit-reset": "5" }],
  ])("say nothing when they %s", (_, headers) => {
    expect(read(headers)).toBeNull();
  });

  it.each([
    ...["never", "-5s", "1s2m", "1 s", "s", "1..5s", "1700000000", "1e3", "NaN", "9".repeat(30), "32d"],
  ])("have no reset when it is %j", (reset) => {
    const said = read({ "x-ratelimit-limit-requests": "5", "x-ratelimit-reset-requests": reset });
    expect(said?.requests).toEqual({ limit: 5, remaining: null, resetMs: null });
  });

  it.each(["soon", "2026-11-22", "2026-99-22T12:00:00Z", "1", "2036-11-22T12:00:00Z"])(
    "have no instant of reset when it is %j",
    (reset) => {
      const said = read({
        "anthropic-ratelimit-requests-limit": "5",
        "anthropic-ratelimit-requests-reset": reset,
      });
      expect(said?.requests).toEqual({ limit: 5, remaining: null, resetMs: null });
    },
  );

  it("give finite numbers from 0 on or null, whatever stands in them", () => {
    const names = fc.constantFrom(
      ...["x-ratelimit-limit-requests", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"],
      ...["x-ratelimit-limit-tokens", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
      ...["anthropic-ratelimit-input-tokens-limit", "anthropic-ratelimit-input-tokens-remaining"],
      ...["anthropic-ratelimit-output-tokens-limit", "anthropic-ratelimit-output-tokens-reset"],
    );
    const values = fc.oneof(
      fc.stringMatching(/^[-+0-9.,;:a-zA-Z=]{0,20}$/),
      fc.integer({ min: -5, max: 2 ** 52 }).map(String),
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    );
    fc.assert(
      fc.property(fc.dictionary(names, values), (headers) => {
        const said = read(headers);
        const numbers = [said?.requests, said?.tokens].flatMap((meter) => Object.values(meter ?? {}));
        for (const number of numbers) {
          expect(number === null || (Number.isSafeInteger(number) && number >= 0)).toBe(true);
        }
      }),
    );
  });
});

describe("a duration", () => {
  it.each([
    ["1s", 1_000],
    ["6m0s", 360_000],
    ["20ms", 20],
    ["1h2m3.5s", 3_723_500],
    ["59.8", 59_800],
    ["2m59.56s", 179_560],
    ["1d", 86_400_000],
    ["0", 0],
    ["7.66s", 7_660],
    ["1m1ms", 60_001],
  ])("%s is %i ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it("comes out as it was written, in every mixture of units", () => {
    const part = (max: number) => fc.option(fc.integer({ min: 0, max }));
    fc.assert(
      fc.property(part(20), part(23), part(59), part(59), part(999), (d, h, m, s, ms) => {
        const write = (value: number | null, unit: string) => (value === null ? "" : `${value}${unit}`);
        const text = write(d, "d") + write(h, "h") + write(m, "m") + write(s, "s") + write(ms, "ms");
        const sum = ((((d ?? 0) * 24 + (h ?? 0)) * 60 + (m ?? 0)) * 60 + (s ?? 0)) * 1_000 + (ms ?? 0);
        expect(parseDuration(text)).toBe(text === "" ? null : sum);
      }),
    );
  });

  it("never takes long, nor gives anything but a whole number from 0 on, for any text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.hmsd]{0,60}$/)), (text) => {
        const ms = parseDuration(text);
        expect(ms === null || (Number.isSafeInteger(ms) && ms >= 0)).toBe(true);
      }),
    );
    const startedAt = performance.now();
    parseDuration("1".repeat(100_000));
    expect(performance.now() - startedAt).toBeLessThan(100);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AppError, ERRORS, type ErrorCode } from "../../src/core/errors";
import { retryDelayMs } from "../../src/core/retry";

const chance = fc.double({ min: 0, max: 0.999999, noNaN: true });
const attempts = fc.integer({ min: 1, max: 99 });
const failure = new AppError("provider_error");
const ceilingMs = (attempt: number) => Math.min(300_000, 1_000 * 2 ** (attempt - 1));

describe("retryDelayMs", () => {
  it("is a random share of 1 s, 2 s, 4 s and so on, up to five minutes", () => {
    fc.assert(
      fc.property(attempts, chance, (attempt, random) => {
        expect(retryDelayMs(failure, attempt, 100, random)).toBe(Math.round(ceilingMs(attempt) * random));
      }),
    );
  });

  it("never leaves its bounds", () => {
    fc.assert(
      fc.property(attempts, chance, (attempt, random) => {
        const delay = retryDelayMs(failure, attempt, 100, random);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(300_000);
      }),
    );
  });

  it("waits at least as long as the provider asks, and at most a tenth longer or as long as the backoff", () => {
    const asked = fc.integer({ min: 0, max: 86_400_000 });
    fc.assert(
      fc.property(attempts, chance, asked, (attempt, random, retryAfterMs) => {
        const delay = retryDelayMs(
          new AppError("provider_rate_limited", { retryAfterMs }),
          attempt,
          100,
          random,
        );
        expect(delay).toBeGreaterThanOrEqual(retryAfterMs);
        expect(delay).toBeLessThanOrEqual(Math.max(retryAfterMs * 1.1 + 1, ceilingMs(attempt)));
      }),
    );
  });

  it("brings jobs that were told the same wait back at different times", () => {
    const error = new AppError("provider_rate_limited", { retryAfterMs: 100_000 });
    expect([0, 0.5, 0.9].map((random) => retryDelayMs(error, 1, 5, random))).toEqual([
      100_000, 105_000, 109_000,
    ]);
  });

  it("is null once the attempts are used up", () => {
    fc.assert(
      fc.property(attempts, fc.nat(10), chance, (max, more, random) => {
        expect(retryDelayMs(failure, max + more, max, random)).toBeNull();
        if (max > 1) expect(retryDelayMs(failure, max - 1, max, random)).not.toBeNull();
      }),
    );
  });

  it.each(Object.keys(ERRORS) as ErrorCode[])("is null exactly for what is not retryable: %s", (code) => {
    expect(retryDelayMs(new AppError(code), 1, 5, 0.5) === null).toBe(!ERRORS[code].retryable);
  });
});

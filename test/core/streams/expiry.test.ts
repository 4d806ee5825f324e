import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { endsAt, isWorthNoting, touchedBy } from "../../../src/core/streams/expiry";

const never = { ttlS: null, expiresAt: null };

describe("a stream", () => {
  it("without an expiry stays", () => {
    expect(endsAt(never, 5_000)).toBeNull();
    expect(isWorthNoting(never, 0, Number.MAX_SAFE_INTEGER)).toBe(false);
    expect(touchedBy(never, 5_000)).toBe(5_000);
  });

  it("with an instant ends then, whenever it was touched", () => {
    const expiry = { ttlS: null, expiresAt: "2027-01-31T12:00:00+02:00" };
    expect(endsAt(expiry, 0)).toBe(Date.UTC(2027, 0, 31, 10));
    expect(endsAt(expiry, Date.UTC(2030, 0))).toBe(Date.UTC(2027, 0, 31, 10));
    expect(isWorthNoting(expiry, 0, Date.UTC(2027, 0))).toBe(false);
  });

  it("with a time to live ends so long after it was touched", () => {
    expect(endsAt({ ttlS: 60, expiresAt: null }, 5_000)).toBe(65_000);
    expect(endsAt({ ttlS: 0, expiresAt: null }, 5_000)).toBe(5_000);
  });

  it("is never ended early for a touch that was not noted, nor kept long for it, and few touches are noted", () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 2_000 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), gaps, (ttlS, sinceLast) => {
        const expiry = { ttlS, expiresAt: null };
        let now = 0;
        let notedAt = 0;
        let notes = 0;
        for (const gap of sinceLast) {
          now += gap;
          if (isWorthNoting(expiry, notedAt, now)) {
            notedAt = now;
            notes += 1;
          }
          // All that an object that begins anew knows is what was noted.
          const end = endsAt(expiry, touchedBy(expiry, notedAt)) ?? 0;
          expect(end).toBeGreaterThanOrEqual(now + ttlS * 1_000);
          expect(end).toBeLessThanOrEqual(now + ttlS * 1_125);
        }
        expect(notes).toBeLessThanOrEqual((now * 8) / (ttlS * 1_000));
      }),
    );
  });
});

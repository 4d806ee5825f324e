import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nextCursor } from "../../../src/http/streams/cursor";

const START = Date.UTC(2026, 10, 22);
const chance = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }));

describe("the cursor of live reads", () => {
  it("never goes back nor repeats for a reader who sends the last one along, even if the clock does go back", () => {
    const reads = fc.array(fc.tuple(fc.integer({ min: -60_000, max: 60_000 }), chance), { maxLength: 50 });
    fc.assert(
      fc.property(reads, (all) => {
        let now = START;
        let had: string | undefined;
        for (const [passed, random] of all) {
          now += passed;
          const cursor = nextCursor(had, now, random);
          expect(cursor).toMatch(/^\d+$/);
          if (had !== undefined) expect(Number(cursor)).toBeGreaterThan(Number(had));
          had = cursor;
        }
      }),
    );
  });

  it("is the same for all who come without one, or with an old one, within 20 seconds", () => {
    fc.assert(
      fc.property(fc.nat({ max: 19_999 }), chance, (passed, random) => {
        const now = START + passed;
        expect(nextCursor(undefined, now, random)).toBe(nextCursor(undefined, START, 0));
        expect(nextCursor("3", now, random)).toBe(nextCursor(undefined, START, 0));
      }),
    );
    expect(nextCursor(undefined, START + 20_000, 0)).not.toBe(nextCursor(undefined, START, 0));
  });

  it("takes what nobody has given out for none", () => {
    for (const had of ["", "x", "-1", "1e9", "9".repeat(16)]) {
      expect(nextCursor(had, START, 0.5)).toBe(nextCursor(undefined, START, 0.5));
    }
  });
});

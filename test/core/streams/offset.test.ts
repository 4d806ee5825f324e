import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatOffset, isGivenOut, type Place, parseOffset } from "../../../src/core/streams/offset";

// Sixteen digits each, which is less than what a number can count to.
const count = fc.oneof(fc.nat(), fc.maxSafeNat());
const place: fc.Arbitrary<Place> = fc.record({ epoch: count, at: count });

const compare = <T>(a: T, b: T) => (a < b ? -1 : a > b ? 1 : 0);

describe("an offset", () => {
  it("is read as the place it was written for", () => {
    fc.assert(
      fc.property(place, (one) => {
        expect(parseOffset(formatOffset(one))).toEqual(one);
      }),
    );
  });

  it("sorts as text as the places do: by epoch, then by byte", () => {
    fc.assert(
      fc.property(place, place, (a, b) => {
        const order = compare(a.epoch, b.epoch) || compare(a.at, b.at);
        expect(compare(formatOffset(a), formatOffset(b))).toBe(order);
      }),
    );
  });

  it("is nothing else: what no stream has given out is null", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[\d_ .-]{0,40}$/)), (text) => {
        const read = parseOffset(text);
        expect(read === null || /^\d{16}_\d{16}$/.test(text)).toBe(true);
      }),
    );
    const near = ["", "-1", "now", "0_0", "0000000000000000", "0000000000000000_000000000000000x"];
    const more = [
      " 0000000000000000_0000000000000000",
      "0000000000000000_0000000000000000\n",
      "1".repeat(33),
    ];
    expect([...near, ...more].map(parseOffset)).toEqual(Array(9).fill(null));
  });
});

describe("isGivenOut", () => {
  it("takes a stream's own places, and those of one it is a copy of up to the end of the copy", () => {
    const inherited = [{ epoch: 7, at: 10 }];
    const of = (epoch: number, at: number) => isGivenOut({ epoch, at }, 9, inherited);
    expect([of(9, 0), of(9, 99), of(7, 0), of(7, 10)]).toEqual([true, true, true, true]);
    expect([of(7, 11), of(8, 1), of(10, 0), of(0, 1)]).toEqual([false, false, false, false]);
  });

  it("takes the first byte of all, as it is written without having seen the stream", () => {
    expect(isGivenOut({ epoch: 0, at: 0 }, 9, [])).toBe(true);
  });
});

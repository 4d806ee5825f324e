// What the header Range asks for, of a file of some size.

import fc from "fast-check";
import { expect, it } from "vitest";
import { parseRange } from "../../src/core/byte-range";

it.each([
  ["bytes=0-0", { from: 0, to: 1 }],
  ["bytes=0-9", { from: 0, to: 10 }],
  ["bytes=9-", { from: 9, to: 10 }],
  ["bytes=3-99", { from: 3, to: 10 }],
  ["bytes=-3", { from: 7, to: 10 }],
  ["bytes=-99", { from: 0, to: 10 }],
  ["BYTES=2-3", { from: 2, to: 4 }],
  ["bytes=10-", "none"],
  ["bytes=10-12", "none"],
  ["bytes=-0", "none"],
  ["bytes=5-4", null],
  ["bytes=-", null],
  ["bytes=1-2,4-5", null],
  ["bytes=a-b", null],
  ["items=1-2", null],
])("%s of ten bytes is %j", (header, range) => {
  expect(parseRange(header, 10)).toEqual(range);
});

it("of an empty file nothing can be had", () => {
  expect(parseRange("bytes=0-", 0)).toBe("none");
  expect(parseRange("bytes=-1", 0)).toBe("none");
});

it("whatever is asked for, what is given lies within the file", () => {
  const header = fc.oneof(
    fc.string(),
    fc.tuple(fc.nat(30), fc.nat(30)).map(([a, b]) => `bytes=${a}-${b}`),
  );
  fc.assert(
    fc.property(header, fc.nat(20), (text, size) => {
      const range = parseRange(text, size);
      if (range === null || range === "none") return;
      expect(range.from).toBeLessThan(range.to);
      expect(range.to).toBeLessThanOrEqual(size);
    }),
  );
});

// How notes are put into groups.

import fc from "fast-check";
import { expect, it } from "vitest";
import { pack } from "../../../src/tasks/summarize/pack";

const sizes = fc.array(fc.nat({ max: 120 }), { maxLength: 60 });
const sum = (group: number[]) => group.reduce((total, size) => total + size, 0);
const same = (size: number) => size;

it("fills each group as far as it goes, in order", () => {
  expect(pack([40, 40, 30, 60, 20, 20], same, 100)).toEqual([
    [40, 40],
    [30, 60],
    [20, 20],
  ]);
  expect(pack([], same, 100)).toEqual([]);
  expect(pack([500], same, 100)).toEqual([[500]]);
});

it("loses and repeats nothing, and keeps the order", () => {
  fc.assert(
    fc.property(sizes, (items) => {
      expect(pack(items, same, 100).flat()).toEqual(items);
    }),
  );
});

it("goes over the limit only where a group would have one item", () => {
  fc.assert(
    fc.property(sizes, (items) => {
      const groups = pack(items, same, 100);
      for (const [i, group] of groups.entries()) {
        // The last item of all had to go somewhere.
        const filled = i === groups.length - 1 ? group.slice(0, -1) : group;
        expect(filled.length <= 2 || sum(filled) <= 100).toBe(true);
      }
    }),
  );
});

it("comes to one group when it is done again and again, however large the items stay", () => {
  fc.assert(
    fc.property(sizes, fc.nat({ max: 200 }), (items, stays) => {
      let left = items.length;
      for (let level = 0; left > 1; level++) {
        expect(level).toBeLessThan(7);
        const groups = pack(
          Array.from({ length: left }, () => stays),
          same,
          100,
        );
        expect(groups.length).toBeLessThanOrEqual(left / 2);
        left = groups.length;
      }
    }),
  );
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Piece, type SplitOptions, splitText } from "../../../src/core/text/split";
import { estimateTokens } from "../../../src/core/text/tokens";
import { anyText } from "../../support/text-arbitraries";

/** Counts of which a part may have more than the whole, as with real tokenizers. */
const uneven = (text: string) => Math.ceil(text.length / 3) + (text.endsWith("a") ? 2 : 0);
const inBytes = (text: string) => new TextEncoder().encode(text).length;

const options: fc.Arbitrary<SplitOptions> = fc
  .record({
    maxTokens: fc.integer({ min: 1, max: 60 }),
    share: fc.double({ min: 0, max: 0.5, noNaN: true }),
    count: fc.constantFrom(estimateTokens, inBytes, uneven),
  })
  .map(({ maxTokens, share, count }) => ({ maxTokens, overlapTokens: Math.floor(maxTokens * share), count }));

function holds(
  check: (text: string, pieces: Piece[], options: Required<SplitOptions>) => void,
  numRuns = 400,
) {
  fc.assert(
    fc.property(anyText, options, (text, given) => {
      const full = { count: estimateTokens, ...given };
      check(text, splitText(text, full), full);
    }),
    { numRuns },
  );
}

const startsOfCharacters = (text: string) =>
  new Set([...new Intl.Segmenter("und").segment(text)].map(({ index }) => index).concat(text.length));

describe("the pieces of any text", () => {
  it("are the source from start to end, cover it in order and without a gap", () => {
    holds((text, pieces) => {
      let covered = 0;
      let before = -1;
      for (const piece of pieces) {
        expect(piece.text).toBe(text.slice(piece.start, piece.end));
        expect(piece.start).toBeLessThanOrEqual(covered);
        expect(piece.start).toBeGreaterThan(before);
        expect(piece.end).toBeGreaterThan(covered);
        before = piece.start;
        covered = piece.end;
      }
      expect(covered).toBe(text.length);
      expect(pieces[0]?.start ?? 0).toBe(0);
    });
  });

  it("are, put together, the text when they do not overlap", () => {
    holds((text, _, given) => {
      const pieces = splitText(text, { ...given, overlapTokens: 0 });
      expect(pieces.map((piece) => piece.text).join("")).toBe(text);
    });
  });

  it("have at most maxTokens each, but for one that is a single character as Unicode counts them", () => {
    holds((_, pieces, { maxTokens, count }) => {
      for (const piece of pieces) {
        const isWithin = count(piece.text) <= maxTokens;
        expect(isWithin || [...piece.text].length === 1, JSON.stringify(piece)).toBe(true);
      }
    });
  });

  it("repeat at most overlapTokens of the piece before", () => {
    holds((text, pieces, { overlapTokens, count }) => {
      for (const [i, piece] of pieces.entries()) {
        const repeated = text.slice(piece.start, pieces[i - 1]?.end ?? 0);
        if (repeated !== "") expect(count(repeated)).toBeLessThanOrEqual(overlapTokens);
      }
    });
  });

  it("never begin within a surrogate pair", () => {
    holds((text, pieces) => {
      for (const { start } of pieces) {
        const isHalf =
          /[\ud800-\udbff]/.test(text.charAt(start - 1)) && /[\udc00-\udfff]/.test(text.charAt(start));
        expect(isHalf).toBe(false);
      }
    });
  });

  it("are cut within what a reader sees as one character only where that is larger than a piece", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 60 }), (text, maxTokens) => {
        const starts = startsOfCharacters(text);
        for (const { end } of splitText(text, { maxTokens, overlapTokens: 0 })) {
          if (starts.has(end)) continue;
          const sorted = [...starts];
          const from = sorted.findLast((start) => start < end);
          const to = sorted.find((start) => start > end);
          expect(estimateTokens(text.slice(from, to))).toBeGreaterThan(maxTokens);
        }
      }),
      { numRuns: 400 },
    );
  });

  it("are the same each time", () => {
    holds((text, pieces, given) => expect(splitText(text, given)).toEqual(pieces), 50);
  });

  it("are few: of a text without any border, each but the last has at least half of its tokens", () => {
    const text = "x".repeat(5_000);
    const pieces = splitText(text, { maxTokens: 50, overlapTokens: 0 });
    for (const piece of pieces.slice(0, -1)) expect(estimateTokens(piece.text)).toBeGreaterThanOrEqual(23);
  });

  it("are none of an empty text, and one of a short one", () => {
    expect(splitText("", { maxTokens: 10, overlapTokens: 5 })).toEqual([]);
    const whole = splitText("A short text.\n\nOf two lines.", { maxTokens: 20, overlapTokens: 5 });
    expect(whole).toEqual([{ text: "A short text.\n\nOf two lines.", start: 0, end: 28 }]);
  });
});

describe("the options", () => {
  it.each([
    [{ maxTokens: 0, overlapTokens: 0 }, "maxTokens: expected a whole number of at least 1, got 0."],
    [{ maxTokens: 2.5, overlapTokens: 0 }, "maxTokens: expected"],
    [{ maxTokens: Number.NaN, overlapTokens: 0 }, "maxTokens: expected"],
    [
      { maxTokens: 10, overlapTokens: 6 },
      "overlapTokens: expected a whole number from 0 to half of maxTokens (10)",
    ],
    [{ maxTokens: 10, overlapTokens: -1 }, "overlapTokens: expected"],
  ])("%j are refused, with the field and the bound", (given, message) => {
    expect(() => splitText("text", given)).toThrow(message);
  });
});

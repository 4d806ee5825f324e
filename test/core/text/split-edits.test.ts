import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitText } from "../../../src/core/text/split";
import { anyDocument, paragraph } from "../../support/text-arbitraries";

const MAX_TOKENS = 100;
/** How far behind its end what a piece depends on may lie: a count looks ahead for as many tokens, at four letters each, and twice. */
const REACH = MAX_TOKENS * 8 + 100;

const split = (text: string, overlapTokens = 0) => splitText(text, { maxTokens: MAX_TOKENS, overlapTokens });

/** A book of its own: the same for every run. */
const [book = ""] = fc.sample(
  fc.array(paragraph, { minLength: 400, maxLength: 400 }).map((list) => list.join("\n\n")),
  { seed: 7, numRuns: 1 },
);
const [line = ""] = [book.replaceAll("\n\n", " ")];

/** The share of the pieces that were there before. */
function keptShare(before: string, after: string, overlapTokens: number): number {
  const known = new Set(split(before, overlapTokens).map((piece) => piece.text));
  const pieces = split(after, overlapTokens);
  return pieces.filter((piece) => known.has(piece.text)).length / pieces.length;
}

describe("after an edit", () => {
  it("at the end, the pieces well before it are the same", () => {
    fc.assert(
      fc.property(anyDocument, anyDocument, fc.nat(), fc.constantFrom(0, 20), (text, other, at, overlap) => {
        const kept = at % (text.length + 1);
        const before = split(text, overlap).filter((piece) => piece.end + REACH <= kept);
        expect(split(text.slice(0, kept) + other, overlap).slice(0, before.length)).toEqual(before);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ["paragraphs", book, 0],
    ["paragraphs, with overlap", book, 20],
    ["one endless line", line, 0],
  ])("near the start of %s, at least 95 % of the pieces are the same", (_, text, overlap) => {
    expect(split(text, overlap).length).toBeGreaterThan(100);
    for (const at of [0, 100, 500, 1_500]) {
      const edited = `${text.slice(0, at)} A sentence that was not there before. ${text.slice(at)}`;
      expect(keptShare(text, edited, overlap)).toBeGreaterThan(0.95);
    }
  });
});

// What of a text is translated, and what stays as it is.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findCodeBlocks, restoreCode } from "../../../src/tasks/translate/code-blocks";
import { piecesOf } from "../../../src/tasks/translate/pieces";
import { anyDocument, anyText } from "../../support/text-arbitraries";

const texts = fc.oneof(anyText, anyDocument);
const tokens = fc.integer({ min: 5, max: 200 });
const WITHOUT_WORDS = /^[^\p{L}]*$/u;

/** What lies before, between and behind the pieces, without blocks of code. */
function between(text: string, pieces: { start: number; end: number }[]): string {
  const all = [...pieces, ...findCodeBlocks(text)].sort((a, b) => a.start - b.start);
  let rest = "";
  let at = 0;
  for (const { start, end } of all) {
    rest += text.slice(at, Math.max(at, start));
    at = Math.max(at, end);
  }
  return rest + text.slice(at);
}

describe("pieces", () => {
  it("lie side by side, begin and end with something, and leave out no word but of code", () => {
    fc.assert(
      fc.property(texts, tokens, (text, most) => {
        const pieces = piecesOf(text, most);
        for (const [i, { start, end }] of pieces.entries()) {
          expect(start).toBeGreaterThanOrEqual(pieces[i - 1]?.end ?? 0);
          const part = text.slice(start, end);
          expect(part.trim()).toBe(part);
          expect(part).toMatch(/\p{L}/u);
        }
        expect(between(text, pieces)).toMatch(WITHOUT_WORDS);
      }),
    );
  });

  it("do not cut through code", () => {
    fc.assert(
      fc.property(texts, tokens, (text, most) => {
        for (const { start, end } of piecesOf(text, most)) {
          const torn = findCodeBlocks(text).filter(
            (block) => block.start < end && block.end > start && !(block.start >= start && block.end <= end),
          );
          expect(torn).toEqual([]);
        }
      }),
    );
  });
});

describe("blocks of code", () => {
  const found = (text: string) => findCodeBlocks(text).map(({ start, end }) => text.slice(start, end));

  it.each([
    ["a\n```\nb\n```\nc", ["```\nb\n```"]],
    ["~~~js\n```\nb\n~~~", ["~~~js\n```\nb\n~~~"]],
    ["````\n```\nb\n```\n````\n", ["````\n```\nb\n```\n````"]],
    ["- item\n  ```sh\n  b\n  ```\n", ["  ```sh\n  b\n  ```"]],
    ["```\r\nb\r\n```\r\nc", ["```\r\nb\r\n```\r"]],
    ["a ``` b\n```inline``` c", []],
    ["```\nnever closed", ["```\nnever closed"]],
  ])("are found: %j", (text, blocks) => expect(found(text)).toEqual(blocks));

  it("come back as they were, whatever a model has made of them", () => {
    const source = "Run this:\n\n```sh\nls -l # list\n```\n\nThen:\n\n```\ndone\n```";
    const translated = "Rufe auf:\n\n```sh\nls -l # Liste\n```\n\nDann:\n\n```\nfertig\n```\n";
    expect(restoreCode(source, translated)).toBe(
      "Rufe auf:\n\n```sh\nls -l # list\n```\n\nDann:\n\n```\ndone\n```\n",
    );
  });

  it("stay as the model has written them when it has written more or fewer", () => {
    expect(restoreCode("```\na\n```", "Text")).toBe("Text");
  });
});

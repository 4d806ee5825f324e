import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitText } from "../../../src/core/text/split";
import { estimateTokens } from "../../../src/core/text/tokens";
import { anyDocument, codeBlock, listItem, paragraph } from "../../support/text-arbitraries";

const texts = (text: string, maxTokens: number, overlapTokens = 0) =>
  splitText(text, { maxTokens, overlapTokens }).map((piece) => piece.text);

const words = (count: number, word = "word") => Array.from({ length: count }, () => word).join(" ");
const prose = (sentences: number) => `Word ${words(8)}. `.repeat(sentences).trim();

describe("a cut", () => {
  it("is at a heading rather than at a blank line, at the higher one of two", () => {
    const text = `${prose(4)}\n\n## Two\n\n${prose(1)}\n\n# One\n\n${prose(1)}\n\n${prose(6)}`;
    expect(texts(text, 80)[1]).toMatch(/^# One/);
  });

  it("is at a blank line rather than at a line, at a line rather than at a sentence", () => {
    expect(texts(`${prose(3)}\n${prose(1)}\n\n${prose(1)}\n${prose(4)}`, 65)[0]).toMatch(/\n\n$/);
    expect(texts(`${prose(3)}\n${prose(8)}`, 50)[0]).toBe(`${prose(3)}\n`);
  });

  it("is at a sentence's end in any script, also without spaces", () => {
    for (const [sentence, end] of [
      ["Word word word word. ", /\. $/],
      ["他每天早晨五点起床。", /。$/],
      ["यह एक वाक्य है। ", /। $/],
      ["Это предложение? ", /\? $/],
    ] as const) {
      const pieces = texts(sentence.repeat(40), 60);
      expect(pieces.length).toBeGreaterThan(3);
      for (const piece of pieces.slice(0, -1)) expect(piece).toMatch(end);
    }
  });

  it("is between words where a sentence is too long, also of a script that has no spaces", () => {
    for (const piece of texts(words(200, "apple"), 20).slice(0, -1)) expect(piece).toMatch(/^(apple )+$/);
    for (const piece of texts("กาลครั้งหนึ่ง".repeat(20), 20).slice(0, -1))
      expect(piece).toMatch(/^(กาล|ครั้ง|หนึ่ง)+$/);
  });

  it("leaves a word whole that would fit into the next piece", () => {
    expect(texts(`${words(6)} ${"x".repeat(50)} ${words(30)}`, 20)[0]).toBe(`${words(6)} `);
  });

  it("never parts a heading from what is below it", () => {
    fc.assert(
      fc.property(anyDocument, fc.integer({ min: 120, max: 400 }), (text, maxTokens) => {
        for (const piece of texts(text, maxTokens).slice(0, -1)) {
          expect(piece.trimEnd().split("\n").at(-1)).not.toMatch(/^#/);
        }
      }),
      { numRuns: 500 },
    );
    expect(texts(`${words(6)}\n\n## Above\n\n## ${words(12, "Aaa")}\n\n- ${words(40)}`, 50)[0]).toBe(
      `${words(6)}\n\n`,
    );
    const code = ["```js", ...Array.from({ length: 8 }, (_, i) => `let value${i} = ${i};`), "```"].join("\n");
    const pieces = texts(`${prose(3)}\n\n## Code\n\n${code}\n\n${prose(3)}`, 75);
    expect(pieces[0]).toBe(`${prose(3)}\n\n`);
    expect(pieces[1]).toContain(`## Code\n\n${code}`);
  });

  it("is behind a heading only where nothing else is left", () => {
    const code = ["```js", ...Array.from({ length: 8 }, (_, i) => `let value${i} = ${i};`), "```"].join("\n");
    const most = estimateTokens(code) + 1;
    for (const piece of texts(`# ${words(200, "apple")}`, 20).slice(1, -1))
      expect(piece).toMatch(/^(apple )+$/);
    expect(texts(`## A heading of its own\n\n${code}`, most)).toEqual(["## A heading of its own\n\n", code]);
  });
});

describe("what belongs together", () => {
  const fitting = (text: string, most: number) => estimateTokens(text) <= most;

  it.each([
    ["a block of code", codeBlock],
    ["an item of a list", listItem],
  ])("%s, is whole in one piece where it fits into one", (_, unit) => {
    const part = fc.oneof(
      fc.record({ text: unit, isUnit: fc.constant(true) }),
      fc.record({ text: paragraph, isUnit: fc.constant(false) }),
    );
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 10, max: 90 }),
        (parts, most) => {
          const pieces = texts(parts.map(({ text }) => text).join("\n\n"), most);
          const whole = parts.filter(({ text, isUnit }) => isUnit && fitting(`${text}\n\n`, most));
          for (const { text } of whole) expect(pieces.some((piece) => piece.includes(text))).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("is cut at its lines where it is too large", () => {
    const lines = Array.from({ length: 60 }, (_, i) => `let value${i} = ${i};`);
    for (const piece of texts(["```js", ...lines, "```"].join("\n"), 60).slice(0, -1))
      expect(piece).toMatch(/\n$/);
  });

  it("is not told apart by what looks like a heading within code", () => {
    const code = "```sh\n# install\nnpm ci\n\n# start\nnpm start\n```";
    expect(texts(`${prose(2)}\n\n${code}\n\n${prose(6)}`, 45).some((piece) => piece.includes(code))).toBe(
      true,
    );
  });
});

describe("an overlap", () => {
  it("begins with a sentence, and with as many as fit", () => {
    const text = Array.from({ length: 60 }, (_, i) => `Sentence number ${i} is here.`).join(" ");
    const pieces = splitText(text, { maxTokens: 60, overlapTokens: 20 });
    for (const [i, piece] of pieces.entries()) {
      expect(piece.text).toMatch(/^Sentence/);
      const repeated = text.slice(piece.start, pieces[i - 1]?.end ?? 0);
      if (i > 0) expect(repeated.split(".").length - 1).toBe(2);
    }
  });

  it("begins with a word where a sentence is too long for it", () => {
    const pieces = splitText(words(300, "apple"), { maxTokens: 40, overlapTokens: 8 });
    expect(pieces.length).toBeGreaterThan(5);
    for (const [i, piece] of pieces.slice(1).entries()) {
      expect(piece.text).toMatch(/^apple/);
      expect(piece.start).toBeLessThan(pieces[i]?.end ?? 0);
    }
  });
});

// Marks in a text, and the places in the source that they lead to.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  joinMarked,
  type Marked,
  readMarks,
  type Span,
  withoutMarks,
} from "../../../src/tasks/summarize/marks";

const spans: Span[] = Array.from({ length: 5 }, (_, i) => ({ start: i * 10, end: i * 10 + 10 }));
const at = (n: number) => spans[n - 1];

describe("marks", () => {
  it.each([
    ["Tea is green [3].", "Tea is green [1].", [3]],
    ["Green [5], hot [2], green [5].", "Green [1], hot [2], green [1].", [5, 2]],
    ["Both [2, 4] and [4][2].", "Both [1][2] and [2][1].", [2, 4]],
    ["A range [2-4].", "A range [1][2][3].", [2, 3, 4]],
    ["A range [3–4; 1].", "A range [1][2][3].", [3, 4, 1]],
    ["Wide 【2】.", "Wide [1].", [2]],
  ])("are numbered anew in the order in which they come: %s", (text, expected, places) => {
    expect(readMarks(text, spans)).toEqual({ text: expected, spans: places.map(at) });
  });

  it.each([
    ["Made up [6].", "Made up."],
    ["In the year [2019], and [0] too.", "In the year, and too."],
    ["Far [3-999999999].", "Far [1][2][3]."],
    ["Backwards [4-2].", "Backwards."],
    ["One of two [9, 1].", "One of two [1]."],
  ])("that lead nowhere are dropped: %s", (text, expected) => {
    expect(readMarks(text, spans).text).toBe(expected);
  });

  it.each(["[2](https://example.com)", "[a2]", "[ ]", "[x]", "list[i]", "[1.5]", "[-1]"])(
    "are not what only looks like one: %s",
    (text) => expect(readMarks(text, spans)).toEqual({ text, spans: [] }),
  );

  it("of a source's own are put in round brackets, so that nobody takes them for ours", () => {
    expect(withoutMarks("As shown [7], [8, 9].")).toBe("As shown (7), (8, 9).");
    expect(readMarks(withoutMarks("[1] [2-3]【4】"), spans).spans).toEqual([]);
  });
});

/** What each statement of a text is about, and where it leads. */
function statements({ text, spans }: Marked): [string, Span | undefined][] {
  return [...text.matchAll(/s(\d+)((?:\[\d+\])*)/g)].flatMap(([, name = "", marks = ""]) =>
    [...marks.matchAll(/\[(\d+)\]/g)].map(([, n]): [string, Span | undefined] => [
      name,
      spans[Number(n) - 1],
    ]),
  );
}

const span = fc.nat({ max: 8 }).map((start) => ({ start, end: start + 1 }));

/** Statements with marks, some of which lead nowhere. */
const written = fc
  .tuple(
    fc.array(span, { maxLength: 6 }),
    fc.array(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 3 }), { maxLength: 6 }),
  )
  .map(([known, marks]) => ({
    known,
    text: marks.map((list, i) => `s${i}${list.map((n) => `[${n}]`).join("")}.`).join(" "),
  }));

describe("over any number of levels", () => {
  it("each mark leads where it did, and every span is named, in the order of its first mark", () => {
    fc.assert(
      fc.property(fc.array(written, { minLength: 1, maxLength: 5 }), (parts) => {
        const read = parts.map(({ text, known }) => readMarks(text, known));
        for (const [i, { text, known }] of parts.entries()) {
          const meant = statements({ text, spans: known }).filter(([, place]) => place !== undefined);
          const kept = read[i] && statements(read[i]);
          const lines = (list: [string, Span | undefined][] = []) => [
            ...new Set(list.map((one) => JSON.stringify(one))),
          ];
          expect(lines(kept)).toEqual(lines(meant));
        }
        const joined = joinMarked(read);
        expect(statements(joined)).toEqual(read.flatMap(statements));
        const named = [...joined.text.matchAll(/\[(\d+)\]/g)].map(([, n]) => Number(n));
        expect([...new Set(named)]).toEqual(joined.spans.map((_, n) => n + 1));
        expect(readMarks(joined.text, joined.spans)).toEqual(joined);
      }),
    );
  });

  it("no text breaks it, and what it returns can be read again", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."[]【】0123-–,; (\na") }), (text) => {
        const read = readMarks(text, spans);
        expect(read.spans.length).toBeLessThanOrEqual(spans.length);
        expect(readMarks(withoutMarks(text), spans).spans).toEqual([]);
      }),
    );
  });
});

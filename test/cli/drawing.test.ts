import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tellCost } from "../../client/src/cli/cost";
import { drawProgress } from "../../client/src/cli/progress-bar";
import { type Column, drawTable } from "../../client/src/cli/table";
import { tellAge, tellSpan } from "../../client/src/cli/time-words";
import { clean, cleanLines, cut, cutMiddle, pad, widthOf, wrap } from "../../client/src/cli/width";

/** Text as it comes: letters, CJK, emoji, marks, control characters. */
const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 30 }),
  fc.string({ unit: "binary", maxLength: 30 }),
  fc
    .array(fc.constantFrom("a", "東", "é", "e\u0301", "👨‍👩‍👧", "🇩🇪", "한", " ", "ｱ", "Ａ", "✔️", "क्ष"), {
      maxLength: 30,
    })
    .map((all) => all.join("")),
);
const width = fc.integer({ min: 1, max: 130 });

describe("the width of text", () => {
  it.each([
    ["plain", 5],
    ["", 0],
    ["東京", 4],
    ["Ａ", 2],
    ["ｱ", 1],
    ["한국", 4],
    ["\u1112\u1161\u11ab", 2],
    ["e\u0301", 1],
    ["👩‍🚀", 2],
    ["👨‍👩‍👧", 2],
    ["🇩🇪", 2],
    ["👍🏽", 2],
    ["✔️", 2],
    ["1️⃣", 2],
    ["⚡", 2],
    ["… █░", 4],
    ["𠮷", 2],
    ["\u200b", 0],
  ])("of %j is %i cells", (one, cells) => {
    expect(widthOf(one)).toBe(cells);
  });

  it("is never gone beyond by what was cut, and what fits is not cut", () => {
    fc.assert(
      fc.property(text, width, (one, limit) => {
        expect(widthOf(cut(one, limit))).toBeLessThanOrEqual(limit);
        expect(widthOf(cutMiddle(one, limit))).toBeLessThanOrEqual(limit);
        expect(cut(one, widthOf(one))).toBe(one);
      }),
    );
  });

  it("is reached exactly by padding", () => {
    fc.assert(
      fc.property(text, width, (one, limit) => {
        const short = cut(one, limit);
        expect(widthOf(pad(short, limit))).toBe(limit);
        expect(pad(short, limit, "right").endsWith(short)).toBe(true);
      }),
    );
  });

  it("is kept to by wrapping, which loses nothing but spaces", () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 4, max: 80 }), (one, limit) => {
        const lines = wrap(clean(one), limit);
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(limit);
        expect(lines.join("").replaceAll(" ", "")).toBe(clean(one).replaceAll(" ", ""));
      }),
    );
  });
});

describe("what others have written", () => {
  it("cannot move the cursor, change colours or turn text around", () => {
    expect(clean("a\u001b[31mb\r\nc\u0007\u009b2J\u202ed")).toBe("a [31mb  c  2J d");
    expect(cleanLines("a\r\nb\u001b[A")).toBe("a\nb [A");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must be gone
    fc.assert(fc.property(text, (one) => !/[\u0000-\u001f\u007f-\u009f]/.test(clean(one))));
  });

  it("is told apart by the end of an id that is cut", () => {
    expect(cutMiddle("job_01M81GA8XXHDC5P502F394K9XC", 12)).toBe("job_…394K9XC");
  });
});

type Row = { name: string; note: string; count: number };

const COLUMNS: Column<Row>[] = [
  { title: "NAME", cell: ({ name }) => clean(name), least: 6 },
  {
    title: "BAR",
    cell: ({ count }, width) => drawProgress({ done: count, total: 100, message: null }, width),
    least: 4,
    spare: 1,
  },
  { title: "NOTE", cell: ({ note }) => clean(note), least: 8, spare: 2 },
  { title: "COUNT", cell: ({ count }) => String(count), align: "right" },
];
const rows = fc.array(fc.record({ name: text, note: text, count: fc.integer({ min: 0, max: 100 }) }), {
  maxLength: 8,
});

describe("a table", () => {
  it("has no line that is wider than the terminal, whatever is in it", () => {
    fc.assert(
      fc.property(rows, width, (all, limit) => {
        const lines = drawTable(COLUMNS, all, limit);
        expect(lines).toHaveLength(all.length + 1);
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(limit);
      }),
    );
  });

  it("has its columns under one another, whatever is in it", () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 30, max: 130 }), (all, limit) => {
        // The last column ends at the right: so all lines are equally wide.
        const widths = new Set(drawTable(COLUMNS, all, limit).map(widthOf));
        expect([...widths]).toHaveLength(1);
      }),
    );
  });

  const row = { name: "a-long-name", note: "a note of some length", count: 40 };

  it("shrinks what may shrink, and then leaves out what is needed least", () => {
    expect(drawTable(COLUMNS, [row], 80)).toEqual([
      "NAME         BAR                       NOTE                   COUNT",
      "a-long-name  ███████░░░░░░░░░░░░  40%  a note of some length     40",
    ]);
    expect(drawTable(COLUMNS, [row], 40)).toEqual([
      "NAME       BAR         NOTE        COUNT",
      "a-long-n…  ██░░░  40%  a note of…     40",
    ]);
    expect(drawTable(COLUMNS, [row], 20)).toEqual(["NAME    BAR    COUNT", "a-lon…  40%       40"]);
    expect(drawTable(COLUMNS, [row], 14)).toEqual(["NAME     COUNT", "a-long…     40"]);
  });

  it("leaves out what is empty, though it has a title", () => {
    expect(drawTable(COLUMNS, [{ ...row, note: "" }], 80)[0]).not.toContain("NOTE");
  });

  it("is painted after it was fitted", () => {
    const painted = COLUMNS.map((column) => ({ ...column, paint: (text: string) => `<${text}>` }));
    expect(drawTable(painted, [row], 14)[1]).toBe("<a-long…>  <   40>");
  });
});

describe("a progress bar", () => {
  const progress = (done: number, total: number | null, message: string | null = null) => ({
    done,
    total,
    message,
  });

  it.each([
    [progress(0, 10), 15, "░░░░░░░░░░   0%"],
    [progress(5, 10), 15, "█████░░░░░  50%"],
    [progress(999, 1_000), 15, "█████████░  99%"],
    [progress(10, 10), 15, "██████████ 100%"],
    [progress(5, 10), 7, "50%"],
    [progress(5, 10), 2, "5…"],
    [progress(12, null, "pages"), 24, "12 pages"],
    [progress(3, null), 24, "3"],
    [null, 24, ""],
  ])("of %j in %i cells", (one, cells, drawn) => {
    expect(drawProgress(one, cells)).toBe(drawn);
  });

  it("fits, and stays between nothing and all, whatever a task says", () => {
    const number = fc.oneof(fc.double(), fc.integer());
    fc.assert(
      fc.property(number, fc.option(number), fc.option(text), width, (done, total, message, limit) => {
        const drawn = drawProgress({ done, total, message }, limit);
        expect(widthOf(drawn)).toBeLessThanOrEqual(limit);
        const percent = Number(/(\d+)%/.exec(total === null ? "" : drawn)?.[1] ?? 0);
        expect(percent).toBeLessThanOrEqual(100);
      }),
    );
  });

  it("says 100% at the end only", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), (total) => {
        expect(drawProgress(progress(total - 1, total), 24)).not.toMatch(/100%|█{19}/);
        expect(drawProgress(progress(total, total), 24)).toMatch(/^█{19} 100%$/);
      }),
    );
  });
});

it("a cost is told to two digits that count, and never as nothing when it is something", () => {
  const told = [null, 0, 0.5, 0.0123, 0.000012, 1e-7, 1e-9, 1, 12.345].map(tellCost);
  const small = ["$0.50", "$0.012", "$0.000012", "$0.00000010", "$0.000000001"];
  expect(told).toEqual(["no price", "$0.00", ...small, "$1.00", "$12.35"]);
});

describe("a time", () => {
  it("is told in its largest unit", () => {
    const ages = [-5, 0, 59_999, 60_000, 3_599_999, 3_600_000, 86_400_000, 9e9].map(tellAge);
    expect(ages).toEqual(["0s", "0s", "59s", "1m", "59m", "1h", "1d", "104d"]);
    expect(tellSpan("2026-01-31T12:00:00.000Z", "2026-01-31T12:00:01.250Z")).toBe("1.3s");
  });
});

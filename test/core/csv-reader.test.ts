// Records are the same wherever the bytes are cut, and reading on at any of them gives the rest.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csvLine } from "../../src/core/csv-line";
import { CsvReader, type CsvRecord } from "../../src/core/csv-reader";
import type { LinePlace } from "../../src/core/lines-reader";

const encoder = new TextEncoder();
const MAX = 400;

function readAll(bytes: Uint8Array, cuts: number[] = [], at?: LinePlace): CsvRecord[] {
  const reader = new CsvReader(MAX, at);
  const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.byteLength];
  const records = places.slice(1).flatMap((to, i) => reader.take(bytes.slice(places[i], to)));
  return [...records, ...reader.end()];
}

const shown = (records: CsvRecord[]) =>
  records.map((record) => [record.line, record.problem ?? record.fields]);
const read = (text: string) => shown(readAll(encoder.encode(text)));

describe("records", () => {
  it.each<[string, [number, string | string[]][]]>([
    ["", []],
    ["\r\n\n", []],
    ["a,b", [[1, ["a", "b"]]]],
    [
      "a,b\r\nc,d\r\n",
      [
        [1, ["a", "b"]],
        [2, ["c", "d"]],
      ],
    ],
    [
      "a,\n,b\n,,",
      [
        [1, ["a", ""]],
        [2, ["", "b"]],
        [3, ["", "", ""]],
      ],
    ],
    ['"a,b","c""d",""\n', [[1, ["a,b", 'c"d', ""]]]],
    [
      '"a\r\nb\n\nc",d\ne,f',
      [
        [1, ["a\r\nb\n\nc", "d"]],
        [5, ["e", "f"]],
      ],
    ],
    [
      "\u{feff}a,b\n\u{feff}c,d",
      [
        [1, ["a", "b"]],
        [2, ["\u{feff}c", "d"]],
      ],
    ],
    [
      '\u{feff}"a\nb",c\nd,e',
      [
        [1, ["a\nb", "c"]],
        [3, ["d", "e"]],
      ],
    ],
    [
      'say "hi",5" wide\nx,y',
      [
        [1, ['say "hi"', '5" wide']],
        [2, ["x", "y"]],
      ],
    ],
    [
      '"a"b"c,d\ne,f',
      [
        [1, ['ab"c', "d"]],
        [2, ["e", "f"]],
      ],
    ],
    ['""""', [[1, ['"']]]],
    [
      '""\nx',
      [
        [1, [""]],
        [2, ["x"]],
      ],
    ],
    ["a b, c ", [[1, ["a b", " c "]]]],
  ])("of %j have the fields of RFC 4180, and the number of their first line", (text, records) => {
    expect(read(text)).toEqual(records);
  });

  it("with a quote that nobody closes are broken, and so is one of invalid UTF-8", () => {
    expect(read('a,b\nc,"d\ne,f\n')).toEqual([
      [1, ["a", "b"]],
      [2, "open_quote"],
    ]);
    expect(shown(readAll(new Uint8Array([0x61, 0x0a, 0xff, 0x0a, 0x62])))).toEqual([
      [1, ["a"]],
      [2, "invalid_utf8"],
      [3, ["b"]],
    ]);
  });

  it("are too long from one byte above the limit, and those behind them are read", () => {
    const longest = `"${"x\n".repeat(MAX / 2 - 1)}"`;
    expect(
      read(`${longest}\r\n${longest} \r\nend`).map(([line, what]) => [line, what === "too_long"]),
    ).toEqual([
      [1, false],
      [MAX / 2 + 1, true],
      [MAX + 1, false],
    ]);
  });
});

const cell = fc.oneof(
  fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r", "é", "😀", " ", "=") }),
  fc.string({ unit: "grapheme" }),
);
const table = fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { maxLength: 8 });

/** As each record says where the next one begins. */
const after = ({ end, line, lines }: CsvRecord): LinePlace => ({ offset: end, line: line + lines });

describe("a table that was written", () => {
  it("is read as it was, wherever its bytes are cut", () => {
    fc.assert(
      fc.property(table, fc.array(fc.nat(400), { maxLength: 6 }), fc.boolean(), (rows, cuts, bom) => {
        const text = rows.map((row) => csvLine(row)).join("");
        const bytes = encoder.encode(bom ? `\u{feff}${text}` : text);
        const within = cuts.filter((cut) => cut <= bytes.byteLength);
        const records = readAll(bytes, within);
        expect(records).toEqual(readAll(bytes));
        // A record of blanks alone is none, as a line of them is.
        const full = rows.filter((row) => csvLine(row).trim() !== "");
        expect(records.map((record) => record.problem ?? record.fields)).toEqual(full);
      }),
    );
  });

  it("is read on at any of its records", () => {
    fc.assert(
      fc.property(table, fc.nat(7), (rows, which) => {
        const bytes = encoder.encode(rows.map((row) => csvLine(row)).join(""));
        const records = readAll(bytes);
        const record = records[which];
        if (!record) return;
        const place = after(record);
        expect(readAll(bytes.slice(place.offset), [], place)).toEqual(records.slice(which + 1));
      }),
    );
  });
});

describe("any bytes", () => {
  it("become records that do not depend on how they are cut, and cover all of them", () => {
    const byte = fc.constantFrom(0x22, 0x2c, 0x0a, 0x0d, 0x61, 0xef, 0xbb, 0xbf, 0xc3, 0xa9);
    const bytes = fc.array(byte, { maxLength: 60 }).map((list) => new Uint8Array(list));
    fc.assert(
      fc.property(bytes, fc.array(fc.nat(60), { maxLength: 8 }), (all, cuts) => {
        const whole = readAll(all);
        expect(
          readAll(
            all,
            cuts.filter((cut) => cut <= all.byteLength),
          ),
        ).toEqual(whole);
        for (const [i, { offset, end }] of whole.entries())
          expect(end).toBeLessThanOrEqual(whole[i + 1]?.offset ?? all.byteLength + offset);
      }),
    );
  });
});

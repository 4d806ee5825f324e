// Lines are the same wherever the bytes are cut, and reading on at any of them gives the rest.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Line, type LinePlace, LinesReader } from "../../src/core/lines-reader";

const encoder = new TextEncoder();
const MAX = 40;

function readAll(bytes: Uint8Array, cuts: number[] = [], at?: LinePlace): Line[] {
  const reader = new LinesReader(MAX, at);
  const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.byteLength];
  const lines = places.slice(1).flatMap((to, i) => reader.take(bytes.slice(places[i], to)));
  return [...lines, ...reader.end()];
}

const read = (text: string) => readAll(encoder.encode(text));
const shown = (lines: Line[]) => lines.map((line) => [line.line, line.problem ?? line.text]);

describe("lines", () => {
  it.each([
    ["", []],
    ["\n\n", []],
    ["a", [[1, "a"]]],
    [
      "a\nb\n",
      [
        [1, "a"],
        [2, "b"],
      ],
    ],
    [
      "a\r\nb\r\n",
      [
        [1, "a"],
        [2, "b"],
      ],
    ],
    ["\n \t\r\n{}\n", [[3, "{}"]]],
    [
      "\u{feff}a\n\u{feff}b",
      [
        [1, "a"],
        [2, "\u{feff}b"],
      ],
    ],
    ["a\rb\n", [[1, "a\rb"]]],
    ["a\u2028b\u0085c\n", [[1, "a\u2028b\u0085c"]]],
  ])("of %j are those between line feeds, blank ones counted only", (text, lines) => {
    expect(shown(read(text))).toEqual(lines);
  });

  it("are too long from one byte above the limit, line end and byte order mark aside", () => {
    const longest = "x".repeat(MAX);
    expect(shown(read(`\u{feff}${longest}\r\n${longest}x\r\nend`))).toEqual([
      [1, longest],
      [2, "too_long"],
      [3, "end"],
    ]);
  });

  it("that are not UTF-8 are told one by one", () => {
    const bytes = Uint8Array.of(0x61, 0x0a, 0xff, 0x0a, 0xc3, 0x0a, 0x62);
    expect(shown(readAll(bytes))).toEqual([
      [1, "a"],
      [2, "invalid_utf8"],
      [3, "invalid_utf8"],
      [4, "b"],
    ]);
  });

  it("that are too long are not held: only their place is kept", () => {
    const reader = new LinesReader(MAX);
    for (let i = 0; i < 2_000; i++) expect(reader.take(new Uint8Array(1_000).fill(0x78))).toEqual([]);
    expect(JSON.stringify(reader).length).toBeLessThan(1_000);
    const end = 2_000_001;
    expect(reader.take(encoder.encode("\n"))).toEqual([
      { line: 1, lines: 1, offset: 0, end, problem: "too_long" },
    ]);
  });
});

/** Lines with everything that could go wrong in them, and where they are cut. */
const file = fc
  .record({
    bom: fc.boolean(),
    lines: fc.array(
      fc.oneof(
        fc.string({ unit: "binary", maxLength: 60 }).map((text) => encoder.encode(text.replace(/\n/g, ""))),
        fc
          .constantFrom("", " ", "\r", "{}", "é".repeat(20), "é".repeat(21))
          .map((text) => encoder.encode(text)),
        fc.uint8Array({ maxLength: 50 }).map((bytes) => bytes.filter((byte) => byte !== 0x0a)),
      ),
      { maxLength: 8 },
    ),
    ends: fc.constantFrom("\n", "\r\n"),
    last: fc.boolean(),
    cuts: fc.array(fc.nat(), { maxLength: 12 }),
  })
  .map(({ bom, lines, ends, last, cuts }) => {
    const parts = lines.flatMap((line, i) => [
      line,
      encoder.encode(last && i === lines.length - 1 ? "" : ends),
    ]);
    const all = [encoder.encode(bom ? "\u{feff}" : ""), ...parts].flatMap((part) => [...part]);
    const bytes = Uint8Array.from(all);
    return { bytes, cuts: cuts.map((cut) => cut % (bytes.byteLength + 1)) };
  });

describe("any file", () => {
  it("gives the same lines wherever it is cut", () => {
    fc.assert(
      fc.property(file, ({ bytes, cuts }) => {
        const whole = readAll(bytes);
        expect(readAll(bytes, cuts)).toEqual(whole);
        expect(readAll(bytes, [...bytes.keys()])).toEqual(whole);
      }),
    );
  });

  it("gives the lines that a plain split gives", () => {
    fc.assert(
      fc.property(file, ({ bytes, cuts }) => {
        const latin1 = String.fromCharCode(...bytes).replace(/^\xef\xbb\xbf/, "");
        const expected = latin1.split("\n").flatMap((line, i) => {
          const content = Uint8Array.from(line.replace(/\r$/, ""), (char) => char.charCodeAt(0));
          if (content.byteLength > MAX) return [[i + 1, "too_long"]];
          const text = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }).decode(content);
          const isText = encoder.encode(text).join() === content.join();
          if (!isText) return [[i + 1, "invalid_utf8"]];
          return text.trim() === "" ? [] : [[i + 1, text]];
        });
        expect(shown(readAll(bytes, cuts))).toEqual(expected);
      }),
    );
  });

  it("gives the rest when it is read on from any line, and its lines lie where they say", () => {
    fc.assert(
      fc.property(file, ({ bytes, cuts }) => {
        const whole = readAll(bytes);
        whole.forEach((line, i) => {
          const from = line.offset;
          const rest = bytes.slice(from);
          const inRest = cuts.map((cut) => cut % (rest.byteLength + 1));
          expect(readAll(rest, inRest, { offset: from, line: line.line })).toEqual(whole.slice(i));
          const after = { offset: line.end, line: line.line + 1 };
          expect(readAll(bytes.slice(line.end), [], after)).toEqual(whole.slice(i + 1));
          if (line.problem === null)
            expect(`,${bytes.slice(from, line.end).join()},`).toContain(line.bytes.join());
        });
      }),
    );
  });
});

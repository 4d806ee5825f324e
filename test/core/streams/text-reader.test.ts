import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TextReader, unfinishedBytes } from "../../../src/core/streams/text-reader";

const encode = (text: string) => new TextEncoder().encode(text);
const wholeText = fc.string({ unit: "binary", maxLength: 30 });
const cutPoints = fc.array(fc.nat({ max: 120 }), { maxLength: 12 });

/** The parts between the cuts, which may fall into characters and upon one another. */
function cut(bytes: Uint8Array, cuts: number[]): Uint8Array[] {
  const places = [0, ...cuts.map((at) => Math.min(at, bytes.byteLength)), bytes.byteLength];
  const sorted = places.toSorted((a, b) => a - b);
  return sorted.slice(1).map((end, i) => bytes.subarray(sorted[i], end));
}

describe("a text that comes in parts", () => {
  it("is read whole, wherever the parts are cut", () => {
    fc.assert(
      fc.property(wholeText, cutPoints, (text, cuts) => {
        const reader = new TextReader(false);
        const read = cut(encode(text), cuts).map((part) => reader.take(part, false));
        expect(read.join("")).toBe(text);
        expect(reader.heldBytes).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it("loses no character when the reader is another after any part, which goes on behind the last whole character", () => {
    fc.assert(
      fc.property(wholeText, cutPoints, fc.array(fc.boolean()), (text, cuts, changes) => {
        const bytes = encode(text);
        let reader = new TextReader(false);
        let read = "";
        let told = 0;
        let end = 0;
        for (const [i, part] of cut(bytes, cuts).entries()) {
          end += part.byteLength;
          if (changes[i]) {
            reader = new TextReader(told > 0);
            read += reader.take(bytes.subarray(told, end), false);
          } else read += reader.take(part, false);
          told = end - reader.heldBytes;
          // What was told is where a character begins: no byte there goes on with one.
          expect((bytes[told] ?? 0) & 0xc0).not.toBe(0x80);
        }
        expect(read).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it("says what a decoder of all of it would say of bytes that are no text, once no more can come", () => {
    const byte = fc.constantFrom(
      0x61,
      0x80,
      0xbf,
      0xc0,
      0xc3,
      0xe2,
      0x82,
      0xac,
      0xed,
      0xf0,
      0x9f,
      0xf8,
      0xff,
    );
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 12 }), cutPoints, (list, cuts) => {
        const bytes = new Uint8Array(list);
        const reader = new TextReader(false);
        const parts = cut(bytes, cuts);
        const read = parts.map((part, i) => reader.take(part, i === parts.length - 1)).join("");
        expect(read).toBe(new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }).decode(bytes));
        expect(reader.heldBytes).toBe(0);
      }),
      { numRuns: 1_000 },
    );
  });

  it("keeps a byte order mark, wherever it stands", () => {
    const reader = new TextReader(false);
    expect(reader.take(encode("\ufeffa\ufeff"), true)).toBe("\ufeffa\ufeff");
  });

  it("begins with the first whole character for a reader that came in within one", () => {
    for (const rest of [encode("😀b").slice(1), encode("€b").slice(2), encode("b")]) {
      const reader = new TextReader(true);
      expect([...rest].map((byte) => reader.take(new Uint8Array([byte]), false)).join("")).toBe("b");
    }
  });
});

describe("unfinishedBytes", () => {
  it.each([
    ["", 0],
    ["a", 0],
    ["c3", 1],
    ["c3a4", 0],
    ["e282", 2],
    ["e282ac", 0],
    ["f09f98", 3],
    ["f09f9880", 0],
    ["61f0", 1],
    ["808080", 0],
    ["f8", 0],
    ["ff", 0],
  ])("of %s are %i", (hex, count) => {
    expect(unfinishedBytes(Uint8Array.from(Buffer.from(hex, "hex")))).toBe(count);
  });
});

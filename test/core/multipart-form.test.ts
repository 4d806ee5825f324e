// A form gives the same parts wherever its bytes are cut, and what its parts hold does not matter.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundaryOf, type FormPiece, MultipartForm } from "../../src/core/multipart-form";

const encoder = new TextEncoder();
const BOUNDARY = "----x-Bound7";

type Part = { name: string; filename: string | null; contentType: string | null; content: Uint8Array };

/** As programs write it. */
function write(parts: Part[], { before = "", after = "" } = {}): Uint8Array {
  const pieces = parts.flatMap(({ name, filename, contentType, content }) => {
    const file = filename === null ? "" : `; filename="${filename.replaceAll('"', "%22")}"`;
    const type = contentType === null ? "" : `Content-Type: ${contentType}\r\n`;
    const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n${type}\r\n`;
    return [encoder.encode(head), content, encoder.encode("\r\n")];
  });
  const whole = [encoder.encode(before), ...pieces, encoder.encode(`--${BOUNDARY}--${after}`)];
  return Uint8Array.from(whole.flatMap((piece) => [...piece]));
}

function read(bytes: Uint8Array, cuts: number[] = []): Part[] {
  const form = new MultipartForm(BOUNDARY);
  const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.byteLength];
  const pieces = places.slice(1).flatMap((to, i) => form.take(bytes.slice(places[i], to)));
  form.end();
  return joined(pieces);
}

function joined(pieces: FormPiece[]): Part[] {
  const parts: Part[] = [];
  for (const piece of pieces) {
    const last = parts.at(-1);
    if (piece.kind === "head") {
      const { name, filename, contentType } = piece;
      parts.push({ name, filename, contentType, content: new Uint8Array() });
    } else if (last) last.content = Uint8Array.from([...last.content, ...piece.bytes]);
  }
  return parts;
}

/** Much that looks like a delimiter, and never is one. */
const content = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "\r",
        "\n",
        "\r\n",
        "-",
        "--",
        `\r\n--${BOUNDARY.slice(0, 5)}`,
        `--${BOUNDARY}`,
        "\r\n\r\n",
      ),
      fc.uint8Array({ maxLength: 20 }).map((bytes) => String.fromCharCode(...bytes)),
    ),
    { maxLength: 12 },
  )
  .map((texts) => Uint8Array.from(texts.join(""), (char) => char.charCodeAt(0)))
  .filter((bytes) => !String.fromCharCode(...bytes).includes(`\r\n--${BOUNDARY}`));

const part = fc.record({
  name: fc.constantFrom("file", "purpose", "a b"),
  filename: fc.constantFrom(null, "a.txt", 'a "b".txt', "données.jsonl", "a;b=c"),
  contentType: fc.constantFrom(null, "text/plain", "text/plain; charset=utf-8"),
  content,
});

describe("a form", () => {
  it("gives the parts it was made of, wherever it is cut", () => {
    const cuts = fc.array(fc.nat(), { maxLength: 12 });
    const around = fc.record({
      before: fc.constantFrom("", "\r\n", "text\r\n"),
      after: fc.constantFrom("", "\r\n", "x"),
    });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), cuts, around, (parts, places, text) => {
        const bytes = write(parts, text);
        expect(
          read(
            bytes,
            places.map((place) => place % (bytes.byteLength + 1)),
          ),
        ).toEqual(parts);
        expect(read(bytes, [...bytes.keys()])).toEqual(parts);
      }),
    );
  });

  it("holds no more of a part than could be the beginning of a delimiter", () => {
    const form = new MultipartForm(BOUNDARY);
    const bytes = write([{ name: "file", filename: "a", contentType: null, content: new Uint8Array() }]);
    form.take(bytes.slice(0, new TextDecoder().decode(bytes).indexOf("\r\n\r\n") + 4));
    let out = 0;
    for (let i = 0; i < 100; i++)
      for (const piece of form.take(new Uint8Array(10_000)))
        if (piece.kind === "data") out += piece.bytes.byteLength;
    expect(out).toBeGreaterThan(1_000_000 - 100);
  });

  it.each([
    ["nothing", ""],
    ["no last delimiter", `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"\r\n\r\nx`],
    ["text after a delimiter", `--${BOUNDARY}x\r\n\r\n`],
    ["a part without a name", `--${BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\nx\r\n--${BOUNDARY}--`],
    ["a part without a head", `--${BOUNDARY}\r\n\r\nx\r\n--${BOUNDARY}--`],
    ["a head without an end", `--${BOUNDARY}\r\nx: ${"y".repeat(9_000)}`],
  ])("that is %s is refused, naming the body", (_what, text) => {
    const error = expect.objectContaining({ code: "invalid_request", param: "body" });
    expect(() => read(encoder.encode(text))).toThrow(error);
  });
});

it.each([
  ["multipart/form-data; boundary=abc", "abc"],
  ['multipart/form-data; charset=x; Boundary="a b"', "a b"],
  ["multipart/form-data", null],
  ["multipart/form-data; boundary=", null],
  [`multipart/form-data; boundary="${"x".repeat(71)}"`, null],
])("the boundary of %s is %s", (type, boundary) => {
  expect(boundaryOf(type)).toBe(boundary);
});

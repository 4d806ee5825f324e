import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toArray, toLines, toMessages } from "../../../src/core/streams/json-lines";

const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);

/** Strings that look like what stands around them. */
const tricky = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({
    unit: fc.constantFrom("[", "]", "{", "}", ",", '"', "\\", "\n", "\r", "\u2028", "\u2029", " "),
  }),
);

const value = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(tricky, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(null, true, false)),
    fc.array(tie("any"), { maxLength: 4 }),
    fc.dictionary(tricky, tie("any"), { maxKeys: 4 }),
  ),
})).any;

/** As JSON, with one of the spaces at each place where there may be one. */
function write(one: unknown, spaces: string[]): string {
  let used = 0;
  const gap = () => spaces[used++ % spaces.length] ?? "";
  const text = (part: unknown): string => {
    if (Array.isArray(part)) return `[${gap()}${part.map(text).join(",")}]`;
    if (part === null || typeof part !== "object") return `${gap()}${JSON.stringify(part)}${gap()}`;
    const fields = Object.entries(part).map(
      ([key, field]) => `${gap()}${JSON.stringify(key)}${gap()}:${text(field)}`,
    );
    return `${gap()}{${gap()}${fields.join(",")}}${gap()}`;
  };
  return `${gap()}${text(one)}${gap()}`;
}

const written = fc.tuple(value, fc.array(space, { minLength: 1, maxLength: 7 }));

describe("a JSON body", () => {
  it("is kept as the messages that JSON.parse sees in it, an array as its elements", () => {
    fc.assert(
      fc.property(written, ([one, spaces]) => {
        const body = write(one, spaces);
        const parsed: unknown = JSON.parse(body);
        const expected = Array.isArray(parsed) ? parsed : [parsed];
        const messages = toMessages(body);
        expect(messages.map((message) => JSON.parse(message))).toEqual(expected);
        expect(JSON.parse(toArray(toLines(messages)))).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it("becomes one line a message, whatever line breaks it holds", () => {
    fc.assert(
      fc.property(written, ([one, spaces]) => {
        const messages = toMessages(write(one, spaces));
        expect(messages.filter((message) => /[\r\n]/.test(message))).toEqual([]);
        expect(toLines(messages).split("\n")).toEqual([...messages, ""]);
      }),
    );
  });

  it("may come in any number of appends: a reader gets the messages of all of them", () => {
    fc.assert(
      fc.property(fc.array(written, { maxLength: 5 }), (bodies) => {
        const texts = bodies.map(([one, spaces]) => write(one, spaces));
        const lines = texts.map((text) => toLines(toMessages(text))).join("");
        const expected = texts.flatMap((text): unknown => JSON.parse(text));
        expect(JSON.parse(toArray(lines))).toEqual(expected);
      }),
    );
  });

  it("keeps numbers as they are spelled", () => {
    const number = fc.stringMatching(/^-?(0|[1-9]\d{0,30})(\.\d{1,20})?([eE][+-]?\d{1,4})?$/);
    fc.assert(
      fc.property(fc.array(number, { minLength: 1 }), space, (numbers, gap) => {
        expect(toMessages(`[${gap}${numbers.join(`${gap},${gap}`)}${gap}]`)).toEqual(numbers);
      }),
    );
    const spellings = ["1.0", "1e400", "12345678901234567890", "-0", "0.10", "1E+2"];
    expect(toArray(toLines(toMessages(`[${spellings.join(", ")}]`)))).toBe(`[${spellings.join(",")}]`);
    expect(toMessages('{"id": 12345678901234567890}')).toEqual(['{"id": 12345678901234567890}']);
  });

  it.each([
    ['["a,b]", "]\\"[,", "\\\\"]', ['"a,b]"', '"]\\"[,"', '"\\\\"']],
    ['[[1, 2], {"a": [3]}]', ["[1, 2]", '{"a": [3]}']],
    ["[[[1]]]", ["[[1]]"]],
    ['["\u2028", "\u2029"]', ['"\u2028"', '"\u2029"']],
    ["[ ]", []],
    ["[]", []],
    ["[[]]", ["[]"]],
    ["[\r\n1\r\n,\r\n2\r\n]", ["1", "2"]],
    ['{\n  "a": 1\n}', ['{   "a": 1 }']],
    ["null", ["null"]],
  ])("%j holds %j", (body, messages) => {
    expect(toMessages(body)).toEqual(messages);
  });

  it.each(["", " ", "[1,]", "[1", "[1] 2", "{a: 1}", "'a'", "\u00a01", "[,]", "NaN"])(
    "%j is none",
    (body) => {
      expect(() => toMessages(body)).toThrow(SyntaxError);
    },
  );
});

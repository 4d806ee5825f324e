import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "../../src/core/canonical";
import { jsonDepth } from "../../src/core/json-depth";

/** JSON as it comes out of a parser: no undefined, no -0. */
const json = fc.jsonValue({ maxDepth: 5 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);

function shuffled(value: unknown, seed: number): unknown {
  if (Array.isArray(value)) return value.map((item) => shuffled(item, seed + 1));
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).map(([key, member]) => [key, shuffled(member, seed + 1)] as const);
  const turned = seed % 2 === 0 ? members.reverse() : [...members.slice(1), ...members.slice(0, 1)];
  return Object.fromEntries(turned);
}

function equal(a: unknown, b: unknown): boolean {
  try {
    expect(a).toStrictEqual(b);
    return true;
  } catch {
    return false;
  }
}

describe("canonicalJson", () => {
  it("does not depend on the order of keys", () => {
    fc.assert(
      fc.property(json, fc.nat(3), (value, seed) => {
        expect(canonicalJson(shuffled(value, seed))).toBe(canonicalJson(value));
      }),
    );
  });

  it("is the same text exactly for equal values", () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(canonicalJson(a) === canonicalJson(b)).toBe(equal(a, b));
      }),
    );
  });

  it("is JSON for the same value", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(JSON.parse(canonicalJson(value))).toStrictEqual(value);
      }),
    );
  });

  it("tells numbers apart exactly as they are, however they are written", () => {
    const written = fc
      .tuple(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.nat(3))
      .map(([value, form]) => {
        const forms = [
          String(value),
          value.toExponential(),
          JSON.stringify(value),
          `${value.toPrecision(17)}`,
        ];
        return forms[form] ?? "0";
      });
    fc.assert(
      fc.property(written, written, (a, b) => {
        const [left, right] = [JSON.parse(a) as number, JSON.parse(b) as number];
        // -0 is 0, as JSON has it.
        expect(canonicalJson(left) === canonicalJson(right)).toBe(left === right);
      }),
    );
  });

  it.each([
    ["1.0", "1", true],
    ["1e2", "100", true],
    ["-0", "0", true],
    ["12345678901234567890", "12345678901234567891", true],
    ["12345678901234567890", "12345678901234577890", false],
    ["0.1", "0.10000000000000001", true],
    ['"\\u00e9"', '"é"', true],
    ['"e\\u0301"', '"é"', false],
    ['"\\ud800"', '"\\ufffd"', false],
    ['{"a":[{"b":1,"c":2}]}', '{"a":[{"c":2,"b":1}]}', true],
    ['{"a":null}', "{}", false],
  ])("of %s and %s is the same: %s", (a, b, same) => {
    expect(canonicalJson(JSON.parse(a)) === canonicalJson(JSON.parse(b))).toBe(same);
  });

  it.each([
    [{ b: 1, a: [2, { d: null, c: "x" }] }, '{"a":[2,{"c":"x","d":null}],"b":1}'],
    [[1, 2], "[1,2]"],
    ["a", '"a"'],
    [{ a: undefined, b: 1 }, '{"b":1}'],
    [[undefined], "[null]"],
    [JSON.parse('{"__proto__": 1, "10": 2, "9": 3}'), '{"10":2,"9":3,"__proto__":1}'],
  ])("writes %j as it should", (value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  it("tells a list from an object, and a number from its text", () => {
    const texts = [[], {}, [1], { 0: 1 }, "1", 1, null, "null", false].map(canonicalJson);
    expect(new Set(texts).size).toBe(texts.length);
  });
});

/** The depth as a parser sees it. */
function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe("jsonDepth", () => {
  const trap = fc.constantFrom("[[[", "}}", '"[', "\\", '\\"[', "{\\u0022[", "]");

  it("is what a parser would find, whatever the spaces", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), fc.constantFrom(undefined, 2), (value, indent) => {
        expect(jsonDepth(JSON.stringify(value, null, indent))).toBe(depthOf(value));
      }),
    );
  });

  it("does not count brackets inside strings", () => {
    fc.assert(
      fc.property(fc.array(trap), fc.array(trap), (keys, texts) => {
        const value = { list: texts, ...Object.fromEntries(keys.map((key) => [key, [key]])) };
        expect(jsonDepth(JSON.stringify(value))).toBe(2);
      }),
    );
  });

  it("needs no stack for a million levels", () => {
    expect(jsonDepth("[".repeat(1_000_000))).toBe(1_000_000);
  });

  it.each([
    ["", 0],
    ["1", 0],
    ["[]", 1],
    ["[1][[2]]", 2],
    ['"[[', 0],
  ])("of %j is %i", (text, depth) => {
    expect(jsonDepth(text)).toBe(depth);
  });
});

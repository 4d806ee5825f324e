// Spoils values and texts in one place: what was right becomes nearly right.

import fc from "fast-check";
import { nested, ODD_ENDS, ODD_NAMES, ODD_NUMBERS, ODD_TEXTS, ODD_TOKENS } from "./oddities";

export const oddText = fc.oneof(
  fc.constantFrom(...ODD_TEXTS),
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.string({ maxLength: 20 }),
);

/** A value where another was expected. */
const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, [], {}, [[]], [null], nested(60), nested(70)),
  fc.constantFrom(...ODD_NUMBERS),
  oddText,
  fc.jsonValue({ maxDepth: 2 }),
);

const oddName = fc.oneof(fc.constantFrom(...ODD_NAMES), fc.string({ unit: "binary", maxLength: 10 }));

type Change = (node: unknown) => unknown;

const replaced = oddValue.map(
  (value): Change =>
    () =>
      value,
);

const removed = fc.nat(20).map(
  (n): Change =>
    (node) => {
      if (Array.isArray(node) && node.length > 0) return node.toSpliced(n % node.length, 1);
      if (!isObject(node)) return null;
      const entries = Object.entries(node);
      return Object.fromEntries(entries.toSpliced(n % Math.max(1, entries.length), 1));
    },
);

// Entries, not spread or assignment: `__proto__` must become a property of its own.
const added = fc.tuple(oddName, oddValue).map(
  ([name, value]): Change =>
    (node) => {
      if (Array.isArray(node)) return [...node, value];
      return isObject(node) ? Object.fromEntries([...Object.entries(node), [name, value]]) : [node];
    },
);

const stretched = fc.constantFrom(2, 30, 1_100).map(
  (times): Change =>
    (node) => {
      if (typeof node === "string") return (node || "x").repeat(times);
      if (typeof node === "number") return -node * 10 ** times;
      return Array.isArray(node) ? Array(times).fill(node[0] ?? node) : [node];
    },
);

const change = fc.oneof(replaced, removed, added, stretched);

/** The value, changed in one place: another type, one thing more or less, too long, too large, out of bounds. */
export function spoiledValue(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(value, fc.nat(), change)
    .map(([good, at, one]) => changed(good, { left: at % places(good) }, one));
}

function isObject(node: unknown): node is object {
  return typeof node === "object" && node !== null && !Array.isArray(node);
}

function places(node: unknown): number {
  if (typeof node !== "object" || node === null) return 1;
  return Object.values(node).reduce<number>((sum, one) => sum + places(one), 1);
}

function changed(node: unknown, at: { left: number }, one: Change): unknown {
  if (at.left-- === 0) return one(node);
  if (Array.isArray(node)) return node.map((item) => changed(item, at, one));
  if (!isObject(node)) return node;
  return Object.fromEntries(Object.entries(node).map(([name, item]) => [name, changed(item, at, one)]));
}

/** JSON text that no serializer writes: names that stand twice, odd numbers, something missing or too much. */
export function spoiledText(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const token = fc.constantFrom(...ODD_TOKENS);
  const end = fc.constantFrom(...ODD_ENDS);
  const piece = fc.string({ unit: "binary", maxLength: 3 });
  const at = fc.double({ min: 0, max: 1, noNaN: true });
  return fc.oneof(
    fc.tuple(text, at, token).map(([good, part, odd]) => setOne(good, part, odd)),
    fc.tuple(text, at, token).map(([good, part, odd]) => doubleName(good, part, odd)),
    fc.tuple(text, at).map(([good, part]) => cut(good, part)[0]),
    fc.tuple(text, at).map(([good, part]) => cut(good, part)[0] + cut(good, part)[1].slice(1)),
    fc.tuple(text, at, piece).map(([good, part, more]) => cut(good, part).join(more)),
    fc.tuple(text, end).map(([good, odd]) => odd + good),
    fc.tuple(text, end).map(([good, odd]) => good + odd),
  );
}

function cut(good: string, part: number): [string, string] {
  const at = Math.floor(good.length * part);
  return [good.slice(0, at), good.slice(at)];
}

/** The odd token in the place of one plain value. */
function setOne(good: string, part: number, odd: string): string {
  const values = [...good.matchAll(/(?<=[:,[])(-?\d[\d.e+-]*|true|false|null|"[^"\\]*")(?=[,\]}])/g)];
  const one = values[Math.floor(values.length * part)] ?? values[0];
  return one ? good.slice(0, one.index) + odd + good.slice(one.index + one[0].length) : odd;
}

/** One name twice in its object, the first time with the odd token. */
function doubleName(good: string, part: number, odd: string): string {
  const names = [...good.matchAll(/(?<=[{,])"[^"\\]*":/g)];
  const one = names[Math.floor(names.length * part)] ?? names[0];
  return one ? `${good.slice(0, one.index)}${one[0]}${odd},${good.slice(one.index)}` : odd + good;
}

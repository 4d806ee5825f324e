// Makes arbitrary requests to the operations of an OpenAPI document: valid ones, nearly valid ones, hostile ones.

import fc from "fast-check";
import { HEADER_NAMES, HEADER_VALUES, MEDIA_TYPES, ODD_SEGMENTS, ODD_SUFFIXES } from "./oddities";
import type { Operation, Parameter } from "./openapi-document";
import { type Scope, validValue } from "./schema-arbitraries";
import { oddText, spoiledText, spoiledValue } from "./spoiled";

export const FLAVOURS = ["valid", "near-valid", "hostile"] as const;
export type Flavour = (typeof FLAVOURS)[number];

/** What stands in the path: the n-th id that is known, spoiled by a suffix or not; or raw text. */
export type Segment = { known: number; suffix: string } | { raw: string };

export type Body = { type: string | null; content: string | Uint8Array };

/** Ready to be sent, but for the known ids. */
export type FuzzRequest = {
  segments: Record<string, Segment>;
  query: string;
  headers: Record<string, string>;
  body: Body | null;
};

/** `valid` fits the document; `near-valid` is a valid one with one thing wrong; `hostile` is anything. */
type Part<T> = Record<Flavour, fc.Arbitrary<T>>;

/** `scope`: what the references in the operation's schemas lead into. */
export function requestsTo(operation: Operation, scope: Scope): Part<FuzzRequest> {
  const of = (place: string) => operation.parameters.filter((one) => one.in === place);
  return combined({
    segments: combined(Object.fromEntries(of("path").map(({ name }) => [name, segment]))),
    query: query(of("query"), scope),
    headers: headers(of("header"), operation, scope),
    body: body(operation, scope),
  });
}

/** Nearly valid is wrong in one part only, hostile in some. */
function combined<T extends object>(parts: { [Name in keyof T]: Part<T[Name]> }): Part<T> {
  const names = Object.keys(parts) as (keyof T)[];
  const record = (pick: (part: Part<unknown>, name: keyof T) => fc.Arbitrary<unknown>) =>
    fc.record(Object.fromEntries(names.map((name) => [name, pick(parts[name], name)]))) as fc.Arbitrary<T>;
  const valid = record((part) => part.valid);
  const wrongIn = (wrong: keyof T) =>
    record((part, name) => (name === wrong ? part["near-valid"] : part.valid));
  return {
    valid,
    "near-valid": names.length === 0 ? valid : fc.oneof(...names.map(wrongIn)),
    hostile: record((part) => fc.oneof(part.valid, part.hostile)),
  };
}

const encoded = (text: string) => encodeURIComponent(text.toWellFormed());
const rawSegment = fc.oneof(fc.constantFrom(...ODD_SEGMENTS), oddText.map(encoded), oddText);

const segment: Part<Segment> = {
  valid: fc.nat(5).map((known) => ({ known, suffix: "" })),
  "near-valid": fc.record({ known: fc.nat(5), suffix: fc.constantFrom(...ODD_SUFFIXES) }),
  hostile: rawSegment.map((raw) => ({ raw })),
};

type Pairs = (readonly [string, string])[];

const asQuery = (pairs: Pairs) =>
  pairs.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join("&");

function query(parameters: Parameter[], scope: Scope): Part<string> {
  const name = fc.constantFrom("token", "unknown", "__proto__", ...parameters.map((one) => one.name));
  const sign = fc.constantFrom("=", "", "[]=", "%5B__proto__%5D=", "=&=");
  const raw = fc
    .array(fc.tuple(name, sign, rawSegment), { maxLength: 5 })
    .map((pairs) => pairs.map((pair) => pair.join("")).join("&"));
  const good = pairs(parameters, scope).map(asQuery);
  const near = spoiledPairs(parameters, scope).map(asQuery);
  const more = fc.tuple(good, raw).map((both) => both.join("&"));
  return { valid: good, "near-valid": fc.oneof(near, more), hostile: raw };
}

/** Parameters that fit, as text. */
function pairs(parameters: Parameter[], scope: Scope): fc.Arbitrary<Pairs> {
  return values(parameters, scope).map(toPairs);
}

/** Parameters of which one is spoiled, left out, or not one that there is. */
function spoiledPairs(parameters: Parameter[], scope: Scope): fc.Arbitrary<Pairs> {
  return spoiledValue(values(parameters, scope)).map(toPairs);
}

function values(parameters: Parameter[], scope: Scope): fc.Arbitrary<object> {
  const all = parameters.map(({ name, schema }) => [name, validValue(schema, scope)] as const);
  const requiredKeys = parameters.filter(({ required }) => required).map(({ name }) => name);
  return fc.record(Object.fromEntries(all), { requiredKeys, noNullPrototype: true });
}

const toPairs = (record: unknown): Pairs =>
  Object.entries(record ?? {}).map(([name, value]) => [name, toText(value)]);

const toText = (value: unknown) => (typeof value === "object" ? JSON.stringify(value) : String(value));

function headers(parameters: Parameter[], operation: Operation, scope: Scope): Part<Record<string, string>> {
  // An upgrade is always a GET: workerd makes one of whatever asks for it.
  const sockets = operation.method === "GET" ? ["upgrade"] : [];
  const name = fc.constantFrom(...HEADER_NAMES, ...sockets, ...parameters.map((one) => one.name));
  const value = fc.oneof(fc.constantFrom(...HEADER_VALUES), oddText);
  const odd = (maxLength: number) =>
    fc.array(fc.tuple(name, value), { minLength: 1, maxLength }).map(toHeaders);
  const upgrade =
    "101" in operation.answers ? fc.constantFrom({}, { upgrade: "websocket" }) : fc.constant({});
  const good = pairs(parameters, scope).map(toHeaders);
  return {
    valid: fc.tuple(good, upgrade).map(([own, more]) => ({ ...own, ...more })),
    "near-valid": fc.oneof(odd(1), spoiledPairs(parameters, scope).map(toHeaders)),
    hostile: odd(6),
  };
}

/** Only what HTTP can carry at all, and nothing that waits for a job that does not run. */
function toHeaders(pairs: Pairs): Record<string, string> {
  const legal = pairs.map(
    ([name, value]) =>
      [
        name,
        value
          .slice(0, 4_000)
          .replace(/[^\t -~]/g, "?")
          .trim(),
      ] as const,
  );
  return Object.fromEntries(legal.filter(([name, value]) => /^[\w-]+$/.test(name) && !waits(value)));
}

export function waits(prefer: string): boolean {
  return /wait\s*=\s*"?0*[1-9]/i.test(prefer);
}

const asJson = (content: string | Uint8Array): Body => ({ type: "application/json", content });

const someBytes = fc
  .uint8Array({ minLength: 1, maxLength: 60 })
  .map((content): Body => ({ type: "application/octet-stream", content }));

function body({ method, body: schema, takesBytes }: Operation, scope: Scope): Part<Body | null> {
  const none = fc.constant(null);
  if (method === "GET" || method === "HEAD") return { valid: none, "near-valid": none, hostile: none };
  const value = schema ? validValue(schema, scope) : fc.jsonValue({ maxDepth: 2 });
  const text = value.map((one) => JSON.stringify(one));
  const spoiled = spoiledValue(value).map((one) => JSON.stringify(one));
  const badText = fc.oneof(spoiledText(text), spoiledText(spoiled), oddText, fc.json({ maxDepth: 6 }));
  const type = fc.constantFrom(...MEDIA_TYPES, null);
  return {
    valid: schema ? text.map(asJson) : takesBytes ? someBytes : none,
    "near-valid": fc
      .oneof({ weight: 3, arbitrary: spoiled }, { weight: 1, arbitrary: spoiledText(text) })
      .map(asJson),
    hostile: fc.oneof(
      none,
      { weight: 3, arbitrary: badText.map(asJson) },
      fc.uint8Array({ maxLength: 60 }).map(asJson),
      fc
        .tuple(text, fc.nat(), fc.integer({ min: 128, max: 255 }))
        .map(withByte)
        .map(asJson),
      fc.record({ type, content: fc.oneof(text, oddText) }),
    ),
  };
}

/** With one byte that is not UTF-8 there. */
function withByte([text, at, byte]: [string, number, number]): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  return bytes.with(at % bytes.length, byte);
}

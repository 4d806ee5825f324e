// Makes arbitrary values that fit a JSON Schema, with fast-check.

import { type Schema as CheckedSchema, Validator } from "@cfworker/json-schema";
import fc from "fast-check";

/** The keywords of JSON Schema 2020-12 that values are built from. Others are met by throwing away what does not fit. */
export type Schema = {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  propertyNames?: Schema;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  example?: unknown;
};

/** What the references of a schema lead into: a document with `components`, or a schema with `$defs`. */
export type Scope = object;

const BUILT = new Set(
  (
    "$schema $ref type enum const properties required additionalProperties propertyNames items minItems maxItems " +
    "minLength maxLength minimum maximum exclusiveMinimum exclusiveMaximum " +
    "title description example examples default deprecated readOnly writeOnly"
  ).split(" "),
);

/** Below this depth, what may be left out is left out, so that a schema that holds itself comes to an end. */
const DEEPEST = 6;
const MOST_ITEMS = 4;
const LONGEST = 60;

const HALF_OF_32_BITS = 2 ** 31;

export function validValue(schema: Schema, scope: Scope = schema): fc.Arbitrary<unknown> {
  return build(schema, scope, 0);
}

/** Whether a value fits: the judge of what `validValue` made, and of answers. */
export function fits(schema: Schema, scope: Scope = schema): (value: unknown) => string[] {
  // A copy: the validator leaves marks in what it is given.
  const copy = structuredClone({ ...scope, ...schema }) as CheckedSchema;
  const validator = new Validator(copy, "2020-12", false);
  return (value) => {
    const { valid, errors } = validator.validate(wellNamed(value));
    return valid ? [] : errors.map((error) => `${error.instanceLocation}: ${error.error}`);
  };
}

/** The validator writes names into addresses, which cannot hold half of a surrogate pair. */
function wellNamed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(wellNamed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name.toWellFormed(), wellNamed(one)]),
  );
}

function build(schema: Schema, scope: Scope, depth: number): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) return build(find(schema.$ref, scope), scope, depth);
  const made = construct(schema, scope, depth);
  if (Object.keys(schema).every((keyword) => BUILT.has(keyword))) return made;
  const problems = fits(schema, scope);
  return made.filter((value) => problems(value).length === 0);
}

function find(ref: string, scope: Scope): Schema {
  const steps = ref.replace(/^#\//, "").split("/");
  const found = steps.reduce<unknown>((from, step) => (from as Record<string, unknown>)?.[step], scope);
  if (found === undefined) throw new Error(`The reference ${ref} leads nowhere.`);
  return found as Schema;
}

function construct(schema: Schema, scope: Scope, depth: number): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const { anyOf, oneOf, allOf, ...rest } = schema;
  const choices = anyOf ?? oneOf;
  if (choices) return fc.oneof(...choices.map((one) => build({ ...rest, ...one }, scope, depth)));
  if (allOf) return fc.tuple(...allOf.map((one) => build({ ...rest, ...one }, scope, depth))).map(merged);
  const types = [schema.type ?? impliedType(schema)].flat();
  return fc.oneof(...types.map((type) => ofType(type, schema, scope, depth)));
}

function merged(values: unknown[]): unknown {
  const objects = values.every((value) => typeof value === "object" && value !== null);
  return objects ? Object.assign({}, ...values) : values[0];
}

function impliedType({ properties, items }: Schema): string {
  if (properties) return "object";
  return items ? "array" : "any";
}

function ofType(type: string, schema: Schema, scope: Scope, depth: number): fc.Arbitrary<unknown> {
  switch (type) {
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "integer":
      return integer(schema);
    case "number":
      return number(schema);
    case "string":
      return text(schema);
    case "array":
      return array(schema, scope, depth);
    case "object":
      return object(schema, scope, depth);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function integer({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema): fc.Arbitrary<number> {
  const min = exclusiveMinimum === undefined ? minimum : Math.floor(exclusiveMinimum) + 1;
  const max = exclusiveMaximum === undefined ? maximum : Math.ceil(exclusiveMaximum) - 1;
  return fc.integer({ min: Math.ceil(min ?? -HALF_OF_32_BITS), max: Math.floor(max ?? HALF_OF_32_BITS) });
}

function number({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema): fc.Arbitrary<number> {
  const min = exclusiveMinimum ?? minimum ?? -1e9;
  const max = exclusiveMaximum ?? maximum ?? 1e9;
  const bounds = {
    min,
    max,
    minExcluded: exclusiveMinimum !== undefined,
    maxExcluded: exclusiveMaximum !== undefined,
  };
  const real = fc.double({ ...bounds, noNaN: true, noDefaultInfinity: true });
  const whole = { min: Math.floor(min) + 1, max: Math.ceil(max) - 1 };
  return whole.min < whole.max ? fc.oneof(fc.integer(whole), real) : real;
}

const FORMATS: Record<string, fc.Arbitrary<string>> = {
  "date-time": fc
    .date({ min: new Date(0), max: new Date("9999-12-31T23:59:59.999Z"), noInvalidDate: true })
    .map((date) => date.toISOString()),
  date: fc
    .date({ min: new Date(0), max: new Date("9999-12-31"), noInvalidDate: true })
    .map((date) => date.toISOString().slice(0, 10)),
  uuid: fc.uuid(),
  uri: fc.webUrl(),
  url: fc.webUrl(),
  email: fc.emailAddress(),
  ipv4: fc.ipV4(),
  ipv6: fc.ipV6(),
};

function text({ minLength = 0, maxLength, pattern, format }: Schema): fc.Arbitrary<string> {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  const known = FORMATS[format ?? ""];
  if (known) return known;
  const most = Math.max(minLength, Math.min(maxLength ?? LONGEST, LONGEST));
  const plain = fc.string({ unit: "grapheme-ascii", minLength, maxLength: most });
  const odd = fc.string({ unit: "binary", minLength, maxLength: most });
  const longest = fc.constant("x".repeat(Math.min(maxLength ?? LONGEST, 5_000)));
  return fc.oneof({ weight: 6, arbitrary: plain }, { weight: 1, arbitrary: odd }, longest);
}

function array({ items = {}, minItems = 0, maxItems }: Schema, scope: Scope, depth: number) {
  const most = depth < DEEPEST ? Math.max(minItems, MOST_ITEMS) : minItems;
  const lengths = { minLength: minItems, maxLength: Math.min(maxItems ?? most, most) };
  return lengths.maxLength === 0 ? fc.constant([]) : fc.array(build(items, scope, depth + 1), lengths);
}

function object(schema: Schema, scope: Scope, depth: number): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties } = schema;
  const names = Object.keys(properties).filter((name) => depth < DEEPEST || required.includes(name));
  const fields = names.map((name) => [name, build(properties[name] ?? {}, scope, depth + 1)] as const);
  const known = fc.record(Object.fromEntries(fields), { requiredKeys: required, noNullPrototype: true });
  if (!additionalProperties || depth >= DEEPEST) return known;
  const name = build({ type: "string", maxLength: 20, ...schema.propertyNames }, scope, depth + 1);
  const more = fc.dictionary(
    name as fc.Arbitrary<string>,
    build(additionalProperties === true ? {} : additionalProperties, scope, depth + 1),
    { maxKeys: 3, noNullPrototype: true },
  );
  return fc.tuple(more, known).map(([extra, own]) => {
    const foreign = Object.entries(extra).filter(([one]) => !Object.hasOwn(properties, one));
    return Object.fromEntries([...foreign, ...Object.entries(own as object)]);
  });
}

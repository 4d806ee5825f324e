// A small document that satisfies a JSON schema: the sandbox's answer where a schema was asked for.

import { resolvePointer } from "../schema-problems";
import type { JsonSchema } from "../structured";

type Place = { root: JsonSchema; name: string; index: number; depth: number; budget: { nodes: number } };

// Deeper than any schema that is not recursive; there, optional parts are left out.
const MAX_DEPTH = 16;
const OPTIONAL_DEPTH = 4;
const MAX_ITEMS = 1000;
// A schema that refers to itself in many places would grow without end.
const MAX_NODES = 20_000;

const FORMATS: Record<string, string> = {
  "date-time": "2026-01-15T09:30:00Z",
  date: "2026-01-15",
  time: "09:30:00Z",
  email: "sample@example.com",
  hostname: "example.com",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  uri: "https://example.com/sample",
  uuid: "00000000-0000-4000-8000-000000000000",
  duration: "PT1H",
};

export function sampleJson(schema: JsonSchema): unknown {
  return sample(schema, { root: schema, name: "value", index: 0, depth: 0, budget: { nodes: MAX_NODES } });
}

function sample(raw: unknown, place: Place): unknown {
  const node = followRefs(raw, place.root);
  place.budget.nodes -= 1;
  if (!isObject(node) || place.depth > MAX_DEPTH || place.budget.nodes < 0) return `Sample ${place.name}`;
  if ("const" in node) return node.const;
  if (Array.isArray(node.enum)) return node.enum[place.index % node.enum.length];
  const branches = [node.anyOf, node.oneOf].find(Array.isArray) ?? [];
  const parts: unknown[] = [...(Array.isArray(node.allOf) ? node.allOf : []), ...branches.slice(0, 1)];
  if (parts.length === 0) return byType(node, place);
  const { allOf, anyOf, oneOf, ...base } = node;
  return sample(mergeSchemas([base, ...parts.map((part) => followRefs(part, place.root))]), deeper(place));
}

function followRefs(node: unknown, root: JsonSchema): unknown {
  let target = node;
  for (let hops = 0; hops < MAX_DEPTH && isObject(target) && typeof target.$ref === "string"; hops++) {
    target = resolvePointer(root, target.$ref);
  }
  return target;
}

function byType(node: JsonSchema, place: Place): unknown {
  switch (typeOf(node)) {
    case "object":
      return sampleObject(node, place);
    case "array":
      return sampleArray(node, place);
    case "integer":
    case "number":
      return sampleNumber(node, place.index);
    case "boolean":
      return true;
    case "null":
      return null;
    default:
      return sampleString(node, place);
  }
}

function typeOf(node: JsonSchema): unknown {
  if (Array.isArray(node.type)) return node.type.find((type) => type !== "null") ?? "null";
  if (node.type !== undefined) return node.type;
  if (node.properties || node.required) return "object";
  if (node.items || node.prefixItems || node.minItems) return "array";
  return node.minimum !== undefined || node.maximum !== undefined ? "number" : "string";
}

function sampleObject(node: JsonSchema, place: Place): JsonSchema {
  const properties = isObject(node.properties) ? node.properties : {};
  const optional = place.depth < OPTIONAL_DEPTH ? Object.keys(properties) : [];
  const names = Array.isArray(node.required) ? node.required.map(String) : optional;
  // Not a literal with computed keys: a property may be called __proto__.
  return Object.fromEntries(
    names.map((name) => [name, sample(properties[name], deeper({ ...place, name }))]),
  );
}

function sampleArray(node: JsonSchema, place: Place): unknown[] {
  const prefix: unknown[] = Array.isArray(node.prefixItems) ? node.prefixItems : [];
  const most = numberOr(node.maxItems, MAX_ITEMS);
  const wanted = place.depth < OPTIONAL_DEPTH && node.items !== false ? 1 : 0;
  const length = Math.min(
    numberOr(node.minItems, Math.max(prefix.length, Math.min(wanted, most))),
    MAX_ITEMS,
  );
  return Array.from({ length }, (_, index) =>
    sample(prefix[index] ?? node.items ?? {}, deeper({ ...place, index })),
  );
}

function sampleNumber(node: JsonSchema, index: number): number {
  const whole = node.type === "integer" || (Array.isArray(node.type) && node.type.includes("integer"));
  const step = numberOr(node.multipleOf, 1);
  const above = numberOr(node.exclusiveMinimum, Number.NEGATIVE_INFINITY);
  const below = numberOr(node.exclusiveMaximum, Number.POSITIVE_INFINITY);
  const least = Math.max(numberOr(node.minimum, Number.NEGATIVE_INFINITY), above);
  const most = Math.min(numberOr(node.maximum, Number.POSITIVE_INFINITY), below);
  const start = Number.isFinite(least) ? least : Math.min(1, most);
  const value = (Math.ceil(start / step) + index) * step;
  const first = value === above ? value + step : value;
  if (first <= most && first !== below) return first;
  // No multiple of the step in there: between the bounds there is still room for a fraction.
  return whole || !Number.isFinite(least + most) ? most - (most === below ? step : 0) : (least + most) / 2;
}

function sampleString(node: JsonSchema, place: Place): string {
  const known = typeof node.format === "string" ? FORMATS[node.format] : undefined;
  if (known) return known;
  const text = place.index > 0 ? `Sample ${place.name} ${place.index + 1}` : `Sample ${place.name}`;
  const least = Math.min(numberOr(node.minLength, 0), 100_000);
  return text.padEnd(least, ".").slice(0, numberOr(node.maxLength, Number.POSITIVE_INFINITY));
}

/** Joins what all of them ask for; of two words on one keyword the later one is taken. */
function mergeSchemas(schemas: unknown[]): JsonSchema {
  const parts = schemas.filter(isObject);
  const merged: JsonSchema = Object.assign({}, ...parts);
  const required = parts.flatMap((part) => (Array.isArray(part.required) ? part.required : []));
  if (required.length > 0) merged.required = [...new Set(required)];
  const properties = parts.flatMap((part) => (isObject(part.properties) ? [part.properties] : []));
  if (properties.length > 0) merged.properties = Object.assign({}, ...properties);
  return merged;
}

function deeper(place: Place): Place {
  return { ...place, depth: place.depth + 1 };
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === "number" ? value : otherwise;
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// Finds what is wrong with a JSON schema itself, with its place, before a model is paid to follow it.

import { type JsonSchema, tryValidator } from "./structured";

export type SchemaProblem = { path: (string | number)[]; message: string };

type Path = (string | number)[];

const TYPES = ["array", "boolean", "integer", "null", "number", "object", "string"];
const MAX_DEPTH = 64;

const SCHEMA = ["additionalProperties", "not", "contains", "propertyNames", "if", "then", "else", "items"];
const SCHEMA_LISTS = ["anyOf", "oneOf", "allOf", "prefixItems"];
const SCHEMA_MAPS = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];
const NUMBERS = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
const COUNTS = ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"];

/** Empty: the schema can be used. */
export function schemaProblems(schema: JsonSchema): SchemaProblem[] {
  const problems = nodeProblems(schema, schema, []);
  if (problems.length > 0) return problems;
  try {
    tryValidator(schema);
    return [];
  } catch (error) {
    const loop = error instanceof RangeError;
    const message = loop ? "a $ref leads back to itself" : "cannot be used: a $ref or $id does not resolve";
    return [{ path: [], message }];
  }
}

function nodeProblems(node: unknown, root: JsonSchema, path: Path): SchemaProblem[] {
  if (typeof node === "boolean") return [];
  if (!isObject(node)) return [{ path, message: "expected a schema (an object)" }];
  if (path.length > MAX_DEPTH) return [{ path, message: "the schema is nested too deeply" }];
  return Object.entries(node).flatMap(([keyword, value]) => {
    const at = [...path, keyword];
    const message = keywordProblem(keyword, value, root);
    return message ? [{ path: at, message }] : childProblems(keyword, value, root, at);
  });
}

function childProblems(keyword: string, value: unknown, root: JsonSchema, path: Path): SchemaProblem[] {
  if (SCHEMA.includes(keyword)) return nodeProblems(value, root, path);
  const children = SCHEMA_LISTS.includes(keyword) || SCHEMA_MAPS.includes(keyword);
  if (!children) return [];
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(isObject(value) ? value : {});
  return entries.flatMap(([key, child]) => nodeProblems(child, root, [...path, key]));
}

function keywordProblem(keyword: string, value: unknown, root: JsonSchema): string | null {
  if (keyword === "type") return typeProblem(value);
  if (keyword === "$ref") return refProblem(value, root);
  if (keyword === "pattern") return patternProblem(value);
  if (keyword === "enum")
    return Array.isArray(value) && value.length > 0 ? null : "expected a list of values";
  if (keyword === "required") {
    const names = Array.isArray(value) && value.every((name) => typeof name === "string");
    return names ? null : "expected a list of property names";
  }
  if (SCHEMA_LISTS.includes(keyword)) {
    return Array.isArray(value) && value.length > 0 ? null : "expected a list of schemas";
  }
  if (SCHEMA_MAPS.includes(keyword)) return isObject(value) ? null : "expected an object of schemas";
  if (NUMBERS.includes(keyword)) return typeof value === "number" ? null : "expected a number";
  const isCount = typeof value === "number" && Number.isInteger(value) && value >= 0;
  return COUNTS.includes(keyword) && !isCount ? "expected a whole number, not negative" : null;
}

function typeProblem(value: unknown): string | null {
  const types: unknown[] = Array.isArray(value) ? value : [value];
  const known = types.length > 0 && types.every((type) => typeof type === "string" && TYPES.includes(type));
  return known ? null : `expected one of ${TYPES.join(", ")}, or a list of them`;
}

function refProblem(value: unknown, root: JsonSchema): string | null {
  if (typeof value !== "string" || !value.startsWith("#"))
    return "expected a reference within the schema (#/…)";
  if (value !== "#" && !value.startsWith("#/")) return null;
  return resolvePointer(root, value) === undefined ? `"${value}" is not in the schema` : null;
}

/** What a local reference such as `#/$defs/Person` means; undefined when it means nothing. */
export function resolvePointer(root: JsonSchema, ref: string): unknown {
  const steps = ref.split("/").slice(1);
  return steps.reduce<unknown>((node, step) => {
    const key = decode(step).replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(node)) return node[Number(key)];
    return isObject(node) && Object.hasOwn(node, key) ? node[key] : undefined;
  }, root);
}

function decode(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

function patternProblem(value: unknown): string | null {
  if (typeof value !== "string") return "expected a regular expression (a string)";
  try {
    new RegExp(value, "u");
    return null;
  } catch {
    return "is not a valid regular expression";
  }
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

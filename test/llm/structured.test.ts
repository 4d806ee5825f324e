// JSON schemas: which can be used, what fits them, and what the sandbox makes up for them.

import { describe, expect, it } from "vitest";
import { sampleJson } from "../../src/llm/sandbox/json-sample";
import { schemaProblems } from "../../src/llm/schema-problems";
import { checkAnswer, type JsonSchema } from "../../src/llm/structured";

const person: JsonSchema = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer", minimum: 0 } },
  required: ["name", "age"],
  additionalProperties: false,
};

describe("an answer", () => {
  it.each([
    ['{"name": "Ada", "age": 36}'],
    ['  {"name": "Ada", "age": 36}\n'],
    ['```json\n{"name": "Ada", "age": 36}\n```'],
    ['```\n{"name": "Ada", "age": 36}\n```'],
  ])("%j fits", (text) => {
    expect(checkAnswer(text, person)).toEqual({ ok: true, value: { name: "Ada", age: 36 } });
  });

  it.each([
    ['{"name": "Ada"}', /age/],
    ['{"name": "Ada", "age": -1}', /#\/age: -1/],
    ['{"name": "Ada", "age": 1, "more": 1}', /more/],
    ["[]", /array/],
    ["Sure! Here it is:", /not valid JSON/],
    ["", /not valid JSON/],
    ['{"name": "Ada", "age": 36, "\\ud800": 1}', /not well-formed Unicode/],
  ])("%j does not fit, and it is said why", (text, why) => {
    const checked = checkAnswer(text, person);
    expect(checked).toMatchObject({ ok: false, problems: expect.any(Array) });
    expect(checked.ok ? "" : checked.problems.join("\n")).toMatch(why);
  });

  it("with a hundred mistakes is told ten", () => {
    const list = JSON.stringify(Array.from({ length: 100 }, () => "x"));
    const checked = checkAnswer(list, { type: "array", items: { type: "number" } });
    expect(checked.ok ? 0 : checked.problems.length).toBe(10);
  });

  it("may be any JSON where there is no schema", () => {
    expect(checkAnswer("[1]", null)).toEqual({ ok: true, value: [1] });
  });

  it("is checked without touching the schema", () => {
    const schema = Object.freeze({ type: "object", properties: Object.freeze({ a: Object.freeze({}) }) });
    expect(checkAnswer("{}", schema).ok).toBe(true);
  });
});

describe("a schema", () => {
  it.each<[JsonSchema, string, RegExp]>([
    [{ type: "text" }, "type", /expected one of array/],
    [{ type: [] }, "type", /expected one of array/],
    [{ properties: [] }, "properties", /object of schemas/],
    [{ properties: { a: { type: "int" } } }, "properties.a.type", /expected one of/],
    [{ properties: { a: 5 } }, "properties.a", /expected a schema/],
    [{ items: { anyOf: [{ type: "nul" }] } }, "items.anyOf.0.type", /expected one of/],
    [{ anyOf: [] }, "anyOf", /list of schemas/],
    [{ required: "name" }, "required", /list of property names/],
    [{ enum: [] }, "enum", /list of values/],
    [{ minLength: -1 }, "minLength", /not negative/],
    [{ minimum: "1" }, "minimum", /number/],
    [{ pattern: "(" }, "pattern", /regular expression/],
    [{ $ref: "#/$defs/Gone" }, "$ref", /not in the schema/],
    [{ $ref: "https://example.com/schema" }, "$ref", /within the schema/],
    [{ $ref: "#gone" }, "", /does not resolve/],
    [{ $ref: "#" }, "", /back to itself/],
    [nested(100), "items.", /too deeply/],
  ])("%o is refused at %s", (schema, path, message) => {
    const [problem] = schemaProblems(schema);
    expect(problem?.path.join(".")).toContain(path);
    expect(problem?.message).toMatch(message);
  });

  it("with several mistakes is told all of them", () => {
    const schema = { properties: { a: { type: "int" }, b: { enum: 1 } }, required: 5 };
    expect(schemaProblems(schema).map(({ path }) => path.join("."))).toEqual([
      "properties.a.type",
      "properties.b.enum",
      "required",
    ]);
  });

  it("may have properties that are called like keywords", () => {
    const properties = { type: { type: "string" }, enum: { type: "number" }, $ref: { type: "string" } };
    expect(schemaProblems({ type: "object", properties })).toEqual([]);
  });
});

const tree: JsonSchema = {
  $ref: "#/$defs/Node",
  $defs: {
    Node: {
      type: "object",
      properties: { value: { type: "number" }, children: { type: "array", items: { $ref: "#/$defs/Node" } } },
      required: ["value", "children"],
    },
  },
};

describe("what the sandbox makes up", () => {
  it.each<JsonSchema>([
    person,
    tree,
    {},
    { type: "string", minLength: 50 },
    { type: "string", maxLength: 3 },
    { type: "string", format: "date-time" },
    { type: "string", format: "email" },
    { type: "string", format: "uuid" },
    { type: "string", format: "uri" },
    { type: "string", format: "duration" },
    { type: "integer", minimum: 3, maximum: 3 },
    { type: "integer", exclusiveMinimum: 3 },
    { type: "integer", maximum: -5 },
    { type: "integer", minimum: 10, multipleOf: 7 },
    { type: "number", minimum: 0.2, maximum: 0.4 },
    { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 },
    { type: ["null", "integer"], minimum: 5 },
    { type: "null" },
    { type: "boolean" },
    { const: { a: [1] } },
    { enum: ["red", "green"] },
    { type: "array", items: { type: "string" }, minItems: 5, uniqueItems: true },
    { type: "array", items: { type: "integer", minimum: 2 }, minItems: 3, uniqueItems: true },
    { type: "array", maxItems: 0, items: { type: "string" } },
    { type: "array", prefixItems: [{ type: "string" }, { type: "number" }], items: false },
    { anyOf: [{ type: "number" }, { type: "null" }] },
    {
      oneOf: [{ type: "object", properties: { kind: { const: "a" } }, required: ["kind"] }, { type: "null" }],
    },
    {
      allOf: [{ $ref: "#/$defs/A" }, { properties: { b: { type: "number" } }, required: ["b"] }],
      $defs: { A: { ...person, additionalProperties: true } },
    },
    {
      type: "object",
      properties: { a: { $ref: "#/$defs/B~1C" } },
      required: ["a"],
      $defs: { "B/C": { const: 1 } },
    },
    { type: "object", required: ["free"] },
    { type: "object", properties: { self: { $ref: "#" }, n: { type: "number" } }, required: ["n"] },
    { properties: { deep: { properties: { deeper: { items: person, minItems: 2 } } } } },
  ])("for %o satisfies it", (schema) => {
    expect(schemaProblems(schema)).toEqual([]);
    expect(checkAnswer(JSON.stringify(sampleJson(schema)), schema)).toMatchObject({ ok: true });
  });

  it("for a schema without `required` still shows its fields", () => {
    expect(sampleJson({ type: "object", properties: { title: { type: "string" } } })).toEqual({
      title: "Sample title",
    });
  });

  it("for a schema that cannot be satisfied ends all the same", () => {
    const names = Array.from({ length: 20 }, (_, i) => `p${i}`);
    const self = Object.fromEntries(names.map((name) => [name, { $ref: "#" }]));
    const text = JSON.stringify(sampleJson({ type: "object", properties: self, required: names }));
    expect(text.length).toBeLessThan(1_000_000);
  });
});

function nested(levels: number): JsonSchema {
  return levels === 0 ? {} : { items: nested(levels - 1) };
}

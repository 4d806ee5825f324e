import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { get } from "../support/bare-app";
import { delayed } from "../support/delayed";
import { FLAVOURS, requestsTo, waits } from "../support/openapi-arbitraries";
import { narrowed, type OpenApi, operationAt, operationsOf } from "../support/openapi-document";
import { fits, type Schema, validValue } from "../support/schema-arbitraries";
import { spoiledText, spoiledValue } from "../support/spoiled";

const response = await get("/openapi.json");
const document = await response.json<OpenApi>();
const scope = { components: document.components };

function expectValid(schema: Schema, within: object = schema): void {
  const problems = fits(schema, within);
  const property = fc.property(validValue(schema, within), (value) => {
    expect(problems(value)).toEqual([]);
  });
  fc.assert(property, { numRuns: 50 });
}

// The same sample each time: a test that wants to see something rare must not depend on luck.
const SEED = 1;

describe("a valid value", () => {
  it.each(Object.entries(document.components.schemas))("fits its schema: %s", (_, schema) => {
    expectValid(schema, scope);
  });

  it.each<[string, Schema]>([
    ["bounds", { type: "number", exclusiveMinimum: 1, maximum: 1.5 }],
    ["whole numbers", { type: "integer", exclusiveMinimum: -3, exclusiveMaximum: 3 }],
    ["lengths", { type: "string", minLength: 3, maxLength: 5 }],
    ["a pattern", { type: "string", pattern: "^[a-z]{2,4}-\\d+$" }],
    ["a format", { type: "string", format: "date-time" }],
    ["several types", { type: ["string", "null", "array"], items: { type: "boolean" } }],
    ["lists", { type: "array", items: { enum: ["a", 1, null] }, minItems: 2, maxItems: 3 }],
    ["names", { type: "object", propertyNames: { maxLength: 2 }, additionalProperties: { const: 7 } }],
    ["one of", { oneOf: [{ type: "integer" }, { type: "number", minimum: 5 }] }],
    ["all of", { allOf: [{ type: "object", properties: { a: { type: "null" } }, required: ["a"] }, {}] }],
    [
      "keywords that nothing is built from",
      { type: "array", items: { type: "boolean" }, uniqueItems: true } as Schema,
    ],
  ])("keeps %s", (_, schema) => expectValid(schema));

  it("comes to an end where a schema holds itself", () => {
    const $defs = {
      Tree: { type: "object", properties: { kids: { type: "array", items: { $ref: "#/$defs/Tree" } } } },
    };
    expectValid({ $ref: "#/$defs/Tree" }, { $defs });
  });

  it("is not made of a reference that leads nowhere", () => {
    expect(() => validValue({ $ref: "#/components/schemas/None" }, scope)).toThrow("leads nowhere");
  });
});

describe("a spoiled value", () => {
  const schema = document.components.schemas.CreateKey ?? {};

  it("is one that the schema refuses, more often than not", () => {
    const problems = fits(schema, scope);
    const values = fc.sample(spoiledValue(validValue(schema, scope)), { numRuns: 300, seed: SEED });
    expect(values.filter((value) => problems(value).length > 0).length).toBeGreaterThan(150);
  });

  it("may have __proto__ as a property of its own, in text that is sent", () => {
    const values = fc.sample(spoiledValue(validValue(schema, scope)), { numRuns: 2_000, seed: SEED });
    expect(values.some((value) => JSON.stringify(value).includes('"__proto__":'))).toBe(true);
  });

  it("as text may be no JSON at all, or name a thing twice", () => {
    const texts = fc.sample(spoiledText(fc.constant('{"a":1,"b":"x"}')), { numRuns: 500, seed: SEED });
    expect(texts).toEqual(expect.arrayContaining([expect.stringMatching(/^\{"a":-0,"a":1/)]));
    expect(texts).toEqual(expect.arrayContaining([expect.stringMatching(/^[^}]*$/)]));
  });
});

describe("requests", () => {
  const input_schema: Schema = {
    type: "object",
    properties: { text: { type: "string" } },
    required: ["text"],
  };
  const narrower = narrowed(document, [{ name: "shout", input_schema }]);
  const operations = operationsOf(narrower);
  const cases = operations.flatMap((one) => FLAVOURS.map((flavour) => [flavour, one.name, one] as const));

  it.each(cases)("that are %s can be sent to %s, and none waits for a job", (flavour, _, operation) => {
    const requests = requestsTo(operation, { components: narrower.components })[flavour];
    for (const { headers, body } of fc.sample(requests, { numRuns: 30, seed: SEED })) {
      expect(
        () => new Headers({ ...headers, ...(body?.type ? { "content-type": body.type } : {}) }),
      ).not.toThrow();
      expect(Object.values(headers).filter(waits)).toEqual([]);
      if (operation.method === "GET") expect(body).toBeNull();
    }
  });

  it("to submit are for the tasks that there are, with an input of the task, far off", () => {
    const submit = operations.find((one) => one.name === "POST /v1/jobs");
    if (!submit) throw new Error("no submit");
    for (const { body } of fc.sample(requestsTo(submit, { components: narrower.components }).valid, {
      numRuns: 50,
      seed: SEED,
    })) {
      const job = JSON.parse(String(body?.content));
      expect(job.task).toBe("shout");
      expect(fits(input_schema)(job.input)).toEqual([]);
      expect(job.delay_s ?? Date.parse(job.run_at)).toBeGreaterThanOrEqual(3_600);
    }
  });

  it.each([
    ["/v1/jobs/bulk", "POST /v1/jobs/bulk"],
    ["/v1/jobs/x%2fy/input", "GET /v1/jobs/{id}/input"],
    ["/v1/jobs/x/y/z", undefined],
    ["/v1/jobs/", undefined],
  ])("to %s meet the operation %s", (path, name) => {
    expect(operationAt(operations, name?.split(" ")[0] ?? "GET", path)?.name).toBe(name);
  });
});

describe("a body on its way", () => {
  const sent = (text: string) => new TextDecoder().decode(delayed(new TextEncoder().encode(text)));
  const job = (times: object) => ({ task: "generate", input: {}, ...times });

  it.each([job({}), job({ delay_s: 0 }), job({ delay_s: 1e-9 }), job({ run_at: "2020-01-01T00:00:00Z" })])(
    "has its jobs put off: %j",
    (one) => {
      expect(JSON.parse(sent(JSON.stringify(one)))).toEqual(job({ delay_s: 3_600 }));
      expect(JSON.parse(sent(JSON.stringify({ jobs: [one, 7] })))).toEqual({
        jobs: [job({ delay_s: 3_600 }), 7],
      });
    },
  );

  it("does not expire on its way either", () => {
    const text = JSON.stringify(job({ delay_s: 9_000, expires_in_s: 0.5 }));
    expect(JSON.parse(sent(text))).toEqual(job({ delay_s: 9_000, expires_in_s: 3_600.5 }));
  });

  it.each([
    '{"task":1,"input":2, "delay_s":9000}',
    "[1, ",
    "\ufeff{}",
    '{"a":1,"a":2}',
    '{"task":"x","delay_s":0}',
  ])("is left as it is otherwise, byte for byte: %s", (text) => {
    const bytes = new TextEncoder().encode(text);
    expect(delayed(bytes)).toBe(bytes);
  });
});

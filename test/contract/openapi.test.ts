import { Validator } from "@seriousme/openapi-schema-validator";
import { beforeAll, describe, expect, it } from "vitest";
import { get } from "../support/bare-app";

type Operation = {
  summary?: string;
  tags?: string[];
  security?: object[];
  parameters?: { name: string; in: string }[];
  responses: Record<string, { description: string; content?: Record<string, { schema: { $ref?: string } }> }>;
};

type Document = {
  openapi: string;
  info: { title: string; version: string };
  servers: { url: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: {
    schemas: Record<string, { properties?: Record<string, unknown>; required?: string[] }>;
    securitySchemes: Record<string, { type: string; scheme: string }>;
  };
};

let document: Document;
let operations: [string, Operation][];

beforeAll(async () => {
  document = await (await get("/openapi.json")).json();
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  );
});

describe("the OpenAPI document", () => {
  it("is valid OpenAPI 3.1", async () => {
    const validator = new Validator();
    const result = await validator.validate(structuredClone(document));
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
    expect(validator.version).toBe("3.1");
    expect(document.openapi).toMatch(/^3\.1\./);
  });

  it("would not be called valid with something wrong in it", async () => {
    const broken = structuredClone(document) as Partial<Document>;
    delete broken.info;
    expect((await new Validator().validate(broken)).valid).toBe(false);
  });

  it("names the address it was asked at as its server", () => {
    expect(document.servers).toEqual([{ url: "https://jobs.example" }]);
  });

  it("leads every reference to a schema that is there", () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
    const names = new Set(references.map((match) => match[1] ?? ""));
    expect(names.size).toBeGreaterThan(5);
    expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining([...names]));
  });

  it("describes each operation, and the envelope of its errors", () => {
    expect(operations.length).toBeGreaterThan(15);
    for (const [name, operation] of operations) {
      expect(operation.summary, name).toBeTruthy();
      expect(operation.tags, name).toHaveLength(1);
      const schema = operation.responses.default?.content?.["application/json"]?.schema;
      expect(schema?.$ref, name).toBe("#/components/schemas/Error");
    }
  });

  it("says which operations want a key: all but /health", () => {
    expect(document.components.securitySchemes.bearer).toMatchObject({ type: "http", scheme: "bearer" });
    const open = operations.filter(([, operation]) => !operation.security?.length).map(([name]) => name);
    expect(open).toEqual(["GET /health"]);
  });

  it("names every parameter that stands in a path", () => {
    for (const [name, operation] of operations) {
      const inPath = [...name.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      const named = (operation.parameters ?? []).filter((one) => one.in === "path").map((one) => one.name);
      expect(named, name).toEqual(inPath);
    }
  });

  it("promises every field of a job, and that all but attempts are always there", () => {
    const wire = [
      ..."id object task state reason channel tags metadata lane priority run attempt max_attempts progress".split(
        " ",
      ),
      ..."output error attempts usage model created_at run_at started_at finished_at expires_at version".split(
        " ",
      ),
    ];
    const job = document.components.schemas.Job;
    expect(Object.keys(job?.properties ?? {})).toEqual(expect.arrayContaining(wire));
    const always = wire.filter((field) => field !== "attempts");
    expect(job?.required).toEqual(expect.arrayContaining(always));
    expect(document.components.schemas.SubmitJob?.required?.sort()).toEqual(["input", "task"]);
  });

  it("documents the headers that change what a submit does", () => {
    const submit = document.paths["/v1/jobs"]?.post;
    const headers = submit?.parameters
      ?.filter((one) => one.in === "header")
      .map((one) => one.name.toLowerCase());
    expect(headers).toEqual(expect.arrayContaining(["idempotency-key", "prefer"]));
    expect(Object.keys(submit?.responses ?? {})).toEqual(expect.arrayContaining(["200", "202"]));
  });
});

describe("the page at /docs", () => {
  it("is HTML that shows the document", async () => {
    const response = await get("/docs");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^text\/html/);
    const html = await response.text();
    expect(html).toMatch(/^<!doctype html>/i);
    expect(html).toContain("/openapi.json");
  });

  it("loads nothing from elsewhere whose content is not pinned by its hash", async () => {
    const html = await (await get("/docs")).text();
    const scripts = [...html.matchAll(/<script[^>]*\ssrc="https?:[^>]*>/g)].map((match) => match[0]);
    for (const script of scripts) expect(script).toMatch(/integrity="sha384-[\w+/=]+"/);
    expect(html).not.toMatch(/<(link|img|iframe)[^>]*\s(href|src)="https?:/);
  });

  it("is named by the entry at /", async () => {
    expect(await (await get("/")).json()).toMatchObject({
      name: "errand",
      version: expect.any(String),
      docs: "/docs",
      openapi: "/openapi.json",
      health: "/health",
    });
  });
});

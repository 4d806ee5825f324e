import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Answer, call, expectError, later } from "../support/http-client";

const json = fc.jsonValue({ maxDepth: 5, stringUnit: "binary" });

/** Values that look nearly right are more hostile than noise. */
const near = fc.oneof(
  json,
  fc.constantFrom(
    "generate",
    "embed",
    "sandbox/chat",
    "a\u0000",
    "\ud800",
    "__proto__",
    "2026-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
  ),
  fc.constantFrom(0, -0, -1, 1, 2 ** 31, 2 ** 53, 1e300, 1e-300, 0.1),
  fc.string({ unit: "binary", maxLength: 300 }),
);

const object = (names: string[]) =>
  fc.dictionary(fc.oneof(fc.constantFrom(...names, "__proto__", "constructor"), fc.string()), near, {
    maxKeys: 6,
  });

const INPUT = [
  "prompt",
  "messages",
  "model",
  "response_format",
  "provider_options",
  "metadata",
  "stop",
  "seed",
  "input",
];
const JOB = [
  ..."task input channel tags metadata lane priority run_at delay_s expires_in_s".split(" "),
  ..."max_attempts timeout_s stream idempotency_key".split(" "),
];
const TOKEN = ["channel", "job", "allow", "tasks", "models", "max_jobs", "ttl_s"];

// Far off, so that what is taken in does not run.
const job = fc
  .tuple(object(JOB), object(INPUT), fc.boolean())
  .map(([fields, input, good]) => ({ ...later(), ...(good ? {} : { input }), ...fields }));

const BODIES: Record<string, fc.Arbitrary<unknown>> = {
  "/v1/jobs": fc.oneof(json, object(JOB), job),
  "/v1/jobs/bulk": fc.oneof(json, fc.record({ jobs: fc.oneof(json, fc.array(job, { maxLength: 4 })) })),
  "/v1/tokens": fc.oneof(
    json,
    object(TOKEN),
    object(TOKEN).map((fields) => ({ channel: "c", allow: ["read"], ...fields })),
  ),
  ...Object.fromEntries(
    ["cancel", "retry", "erase"].map((verb) => [
      `/v1/jobs/${verb}`,
      fc.oneof(json, fc.record({ filter: fc.oneof(json, object(["state", "channel", "tag", "task"])) })),
    ]),
  ),
  "/v1/projects": fc.oneof(json, object(["id", "name"])),
  "/v1/projects/default/keys": fc.oneof(json, object(["name", "scopes"])),
  "/v1/jobs/job_01KAM2T2Q5W4R0E8Z6S3N7Y9XB/cancel": json,
  "/v1/jobs/job_01KAM2T2Q5W4R0E8Z6S3N7Y9XB/retry": json,
};

function expectValid(answer: Answer<unknown>): void {
  expect(answer.status, answer.text).toBeLessThan(500);
  expect(answer.headers.get("x-request-id")).not.toBeNull();
  expect(answer.body, answer.text).toBeTypeOf("object");
  if (answer.status < 400) return;
  const { error } = answer.body as { error: { code: Parameters<typeof expectError>[1] } };
  expectError(answer, error.code);
}

describe("whatever is sent", () => {
  it("is in the list of bodies for every POST route of the OpenAPI document", async () => {
    const { body } = await call<{ paths: Record<string, object> }>("GET", "/openapi.json");
    const routes = Object.entries(body.paths).flatMap(([path, methods]) => ("post" in methods ? [path] : []));
    const fuzzed = Object.keys(BODIES).map((path) =>
      path.replace(/job_\w+/, "{id}").replace("default", "{project}"),
    );
    expect(routes.sort()).toEqual(fuzzed.sort());
  });

  it.each(Object.entries(BODIES))(
    "POST %s gives an answer or an error in the envelope, never a 5xx",
    async (path, body) => {
      await fc.assert(
        fc.asyncProperty(body, async (value) =>
          expectValid(await call("POST", path, { json: value ?? null })),
        ),
        { numRuns: 150 },
      );
    },
    60_000,
  );

  it("POST /v1/jobs survives any text, whole or torn", async () => {
    const valid = JSON.stringify(later());
    const torn = fc.nat(valid.length).map((at) => valid.slice(0, at) + valid.slice(at + 1));
    const spoiled = fc
      .tuple(fc.nat(valid.length), fc.string({ unit: "binary", maxLength: 3 }))
      .map(([at, text]) => valid.slice(0, at) + text + valid.slice(at));
    await fc.assert(
      fc.asyncProperty(fc.oneof(torn, spoiled, fc.string({ unit: "binary" })), async (text) => {
        const headers = { "content-type": "application/json" };
        expectValid(await call("POST", "/v1/jobs", { text, headers }));
      }),
      { numRuns: 200 },
    );
  }, 60_000);

  it("GET survives any path segment and any query", async () => {
    const segment = fc.string({ unit: "binary" }).map((text) => encodeURIComponent(text.toWellFormed()));
    const name = fc.constantFrom("state", "task", "channel", "tag", "limit", "cursor");
    await fc.assert(
      fc.asyncProperty(segment, fc.array(fc.tuple(name, segment), { maxLength: 4 }), async (id, pairs) => {
        const query = pairs.map(([key, value]) => `${key}=${value}`).join("&");
        expectValid(await call("GET", `/v1/jobs?${query}`));
        if (id !== "" && !/^\.{1,2}$/.test(id)) expectValid(await call("GET", `/v1/jobs/${id}?${query}`));
      }),
      { numRuns: 150 },
    );
  }, 60_000);
});

import { beforeAll, describe, expect, it } from "vitest";
import type { JobOnWire } from "../../src/contract/job";
import { type Answer, call, expectError, JOB_ROUTES, later, open, ROOT_KEY } from "../support/http-client";

const JSON_TYPE = { "content-type": "application/json" };
const submit = (json: unknown) => call("POST", "/v1/jobs", { json });

const NAMES: [string, string][] = [
  ["NUL", "a\u0000b"],
  ["a line feed", "a\nb"],
  ["an escape", "\u001b[31m"],
  ["DEL", "a\u007f"],
  ["half a surrogate pair", "\ud800"],
  ["the other half", "a\udc00b"],
];

describe("names with characters that no name needs", () => {
  it.each(NAMES)("are refused as channel, tag and item key: %s", async (_, name) => {
    expectError(await submit(later({ channel: name })), "invalid_request", "channel");
    expectError(await submit(later({ tags: ["good", name] })), "invalid_request", "tags[1]");
    const jobs = [later({ idempotency_key: name })];
    const bulk = await call("POST", "/v1/jobs/bulk", { json: { jobs } });
    expectError(bulk, "invalid_request", "jobs[0].idempotency_key");
  });

  it.each(NAMES)("are no task and no model: %s", async (_, name) => {
    expectError(await submit({ ...later(), task: name }), "unknown_task", "task");
    expectError(await submit(later({ input: { prompt: "a", model: name } })), "unknown_model", "input.model");
    const model = `sandbox/chat!reply=${name}`;
    expectError(await submit(later({ input: { prompt: "a", model } })), "unknown_model", "input.model");
  });

  it.each(NAMES)("come back unchanged from prompt and metadata: %s", async (_, text) => {
    const answer = await submit(later({ input: { prompt: text }, metadata: { [text]: text, list: [text] } }));
    expect(answer.status, answer.text).toBe(202);
    const { body } = await call("GET", `/v1/jobs/${answer.body.id}`);
    expect(body.metadata).toEqual({ [text]: text, list: [text] });
    expect((await call("GET", `/v1/jobs/${body.id}/input`)).body).toEqual({ prompt: text });
  });

  it.each([
    "Ünïcödé",
    "名前",
    "💥",
    "a'b\"c`d",
    "'; DROP TABLE jobs; --",
    "%",
    "_",
    "\\",
    "a b",
    "<script>",
    "\u00a0\u200b",
  ])("are not these: %j", async (name) => {
    const answer = await submit(later({ channel: name, tags: [name] }));
    expect(answer.body).toMatchObject({ channel: name, tags: [name] });
    for (const filter of ["channel", "tag"]) {
      const path = `/v1/jobs?${filter}=${encodeURIComponent(name)}`;
      const { body } = await call<{ data: JobOnWire[] }>("GET", path);
      expect(body.data.map((job) => job.id)).toEqual([answer.body.id]);
    }
  });
});

describe("odd JSON", () => {
  const raw = (text: string) => call("POST", "/v1/jobs", { text, headers: JSON_TYPE });
  const body = JSON.stringify(later());

  it("cannot reach the prototype of anything", async () => {
    const spoiled = [
      body.replace("{", '{"__proto__": {"admin": true},'),
      body.replace("{", '{"metadata": {"__proto__": {"a": 1}, "constructor": {"prototype": {"b": 1}}},'),
      body.replace('"prompt"', '"__proto__": {"model": "x"}, "prompt"'),
    ];
    for (const text of spoiled) {
      const answer = await raw(text);
      expect([202, 400, 422]).toContain(answer.status);
    }
    const clean: Record<string, unknown> = {};
    expect([clean.admin, clean.a, clean.b, clean.model]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it.each(["1e400", "-1e400", "1e-400", "9007199254740993", "0.1e1", "-0", "1".repeat(400)])(
    "takes or refuses the number %s, and does not break",
    async (number) => {
      for (const field of ["priority", "delay_s", "expires_in_s", "max_attempts", "timeout_s"]) {
        const answer = await raw(
          body.replace(/"delay_s":\d+/, `"${field}":${number},"run_at":"2099-01-01T00:00:00Z"`),
        );
        expect([202, 400], answer.text).toContain(answer.status);
        if (answer.status === 400) expectError(answer, "invalid_request");
      }
      const answer = await raw(body.replace("{", `{"metadata":{"n":${number}},`));
      expect(answer.status, answer.text).toBe(202);
    },
  );

  it("takes the last of two equal names, as JSON.parse does", async () => {
    const answer = await raw(body.replace("{", '{"priority":1,"priority":2,'));
    expect(answer.body.priority).toBe(2);
  });

  it.each(["9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "2099-01-01T00:00:00.123456789Z"])(
    "takes the far or odd instant %s",
    async (run_at) => {
      const { task, input } = later();
      const answer = await submit({ task, input: { ...input, model: "sandbox/chat" }, run_at });
      expect(answer.status, answer.text).toBe(202);
      const seen = await call("GET", `/v1/jobs/${answer.body.id}`);
      expect(Date.parse(seen.body.run_at)).not.toBeNaN();
    },
  );

  it.each([
    "10000-01-01T00:00:00Z",
    "+010000-01-01T00:00:00Z",
    "2099-13-01T00:00:00Z",
    "2099-01-01T25:00:00Z",
    "now",
    "",
    "2099-01-01",
  ])("refuses the instant %j", async (run_at) => {
    const { task, input } = later();
    expectError(await submit({ task, input, run_at }), "invalid_request", "run_at");
  });

  it.each([0, 0.0001, 0.5, 1e-300])(
    "takes the delay %d to the millisecond that a clock has",
    async (delay_s) => {
      const { task, input } = later();
      const answer = await submit({ task, input, delay_s });
      expect(answer.status, answer.text).toBe(202);
      const seen = await call("GET", `/v1/jobs/${answer.body.id}`);
      expect(seen.body.run_at).toBe(answer.body.run_at);
    },
  );
});

describe("odd addresses", () => {
  const ODD = [
    "x",
    "job_",
    "%00",
    "%",
    "%zz",
    "%E0%A4%A",
    "%ff",
    "..%2f..%2fetc%2fpasswd",
    "job_01KAM2T2Q5W4R0E8Z6S3N7Y9XB%00",
    "job_01KAM2T2Q5W4R0E8Z6S3N7Y9XB%0a",
    "job_01kam2t2q5w4r0e8z6s3n7y9xb",
    "'; DROP TABLE jobs; --",
    "%F0%9F%92%A5",
    "constructor",
    "__proto__",
    "*",
    "{id}",
    ":id",
    "a".repeat(5_000),
  ];

  it.each(ODD)("lead to 404 on every route of a job: %j", async (id) => {
    for (const [method, rest] of JOB_ROUTES) {
      expectError(await call(method, `/v1/jobs/${id}${rest}`), "not_found");
    }
  });

  it.each(ODD)("lead to 404 on every route of a project or key: %j", async (id) => {
    for (const [method, path] of [
      ["DELETE", `/v1/projects/${id}`],
      ["GET", `/v1/projects/${id}/keys`],
      ["POST", `/v1/projects/${id}/keys`],
      ["DELETE", `/v1/projects/default/keys/${id}`],
      ["PUT", `/v1/projects/${id}/budget`],
      ["DELETE", `/v1/projects/${id}/budget`],
      ["PUT", `/v1/projects/default/keys/${id}/budget`],
      ["DELETE", `/v1/projects/default/keys/${id}/budget`],
    ] as const) {
      const json = { POST: {}, PUT: { tokens_per_day: 1 }, GET: undefined, DELETE: undefined }[method];
      expectError(await call(method, path, { json }), "not_found");
    }
  });

  it.each([
    "/v1",
    "/v1/",
    "/v1/jobs/",
    "//v1/jobs",
    "/v1//jobs",
    "/V1/jobs",
    "/v1/jobs/x/y/z",
    "/v2/jobs",
    "/favicon.ico",
    "/.env",
    "/%00",
  ])("lead to 404 with a pointer to the docs: %s", async (path) => {
    const error = expectError(await call("GET", path), "not_found");
    expect(error.message).toContain("/docs");
  });

  it.each(["state", "task", "channel", "tag", "limit", "cursor", "since", "token", "unknown"])(
    "with %s in them, odd or very long, never break anything",
    async (name) => {
      for (const value of [
        "%00",
        "%",
        "%ff",
        "%ED%A0%80",
        "a&b=c",
        "[]",
        "x".repeat(14_000),
        "%F0%9F%92%A5".repeat(500),
      ]) {
        for (const path of ["/v1/jobs", "/v1/events", "/health", "/v1/jobs/x/events"]) {
          expectOurs(await listed(`${path}?${name}=${value}`));
          expectOurs(await listed(`${path}?${name}=${value}&${name}=2&${name}[]=3`));
        }
      }
    },
  );

  async function listed(path: string): Promise<Answer<unknown>> {
    const response = await open("GET", path);
    const stream = response.headers.get("content-type")?.startsWith("text/event-stream");
    if (stream) await response.body?.cancel();
    const text = stream ? "{}" : await response.text();
    return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
  }

  function expectOurs(answer: Answer<unknown>): void {
    expect(answer.status, answer.text).toBeLessThan(500);
    expect(answer.headers.get("x-request-id")).not.toBeNull();
    if (answer.status >= 400) expect(answer.body).toHaveProperty("error.code");
  }
});

describe("odd headers", () => {
  it.each([
    ["idempotency-key", ""],
    ["idempotency-key", "ü"],
    ["idempotency-key", "a\tb"],
    ["prefer", "wait=".repeat(1_000)],
    ["prefer", ",;=,;="],
    ["last-event-id", "\u00ff"],
    ["content-length", "0"],
    ["accept", "text/html"],
    ["cf-ray", "x".repeat(1_000)],
  ])("never break a submit: %s", async (name, value) => {
    const answer = await call("POST", "/v1/jobs", { json: later(), headers: { [name]: value } });
    expect([200, 202, 400], answer.text).toContain(answer.status);
    if (answer.status === 400) expectError(answer, "invalid_request", "idempotency-key");
  });
});

describe("methods", () => {
  let paths: [string, string[]][] = [];

  beforeAll(async () => {
    const { body } = await call<{ paths: Record<string, object> }>("GET", "/openapi.json");
    paths = Object.entries(body.paths).map(([path, methods]) => [
      path.replace(/\{\w+\}/g, "x"),
      Object.keys(methods).map((method) => method.toUpperCase()),
    ]);
    paths.push(["/", ["GET"]], ["/docs", ["GET"]], ["/openapi.json", ["GET"]]);
  });

  it("that a path does not take are 405 with Allow, with a key and without", async () => {
    expect(paths.length).toBeGreaterThan(15);
    for (const [path, methods] of paths) {
      for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"].filter(
        (one) => !methods.includes(one),
      )) {
        // The path of one job takes what would otherwise be a path of its own.
        if (underJobs(path) && method !== "PUT" && method !== "PATCH") continue;
        for (const key of [ROOT_KEY, null]) {
          const answer = await call(method, path, { key });
          expectError(answer, "method_not_allowed");
          expect(answer.headers.get("allow")?.split(", ").sort()).toEqual(methodsOf(path));
        }
      }
    }
  });

  const underJobs = (path: string) => /^\/v1\/jobs\/(bulk|cancel|retry|erase)$/.test(path);

  function methodsOf(path: string): string[] {
    const own = paths.find(([one]) => one === path)?.[1] ?? [];
    return [...own, ...(underJobs(path) ? ["GET", "DELETE"] : [])].sort();
  }

  it("HEAD is answered as GET is, without a body", async () => {
    for (const path of ["/health", "/v1/jobs", "/docs"]) {
      const response = await open("HEAD", path);
      expect([response.status, await response.text()]).toEqual([200, ""]);
    }
  });
});

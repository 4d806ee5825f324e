import { describe, expect, it } from "vitest";
import type { JobOnWire } from "../../src/contract/job";
import { call, expectError, finish, generate, later, submit } from "../support/http-client";

/** The names of the wire. They do not change without a version. */
const JOB_FIELDS = [
  ..."id object task state reason channel tags metadata lane priority run attempt max_attempts progress".split(
    " ",
  ),
  ..."output error attempts usage model created_at run_at started_at finished_at expires_at version".split(
    " ",
  ),
];

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe("POST /v1/jobs", () => {
  it("answers 202 with the address of the job and the job itself", async () => {
    const answer = await call("POST", "/v1/jobs", { json: later() });
    expect(answer.status).toBe(202);
    expect(answer.body.id).toMatch(/^job_[0-9A-HJKMNP-TV-Z]{26}$/);
    expect(answer.headers.get("location")).toBe(`/v1/jobs/${answer.body.id}`);
    expect(answer.headers.get("content-type")).toBe("application/json");
    const seen = await call("GET", answer.headers.get("location") ?? "");
    expect(seen.body).toEqual(answer.body);
  });

  it("shows a new job with every field of the wire, the unset ones as null", async () => {
    const job = await submit(generate({ delay_s: 60 }));
    expect(Object.keys(job)).toEqual(expect.arrayContaining(JOB_FIELDS));
    expect(job).toEqual({
      id: job.id,
      object: "job",
      task: "generate",
      state: "pending",
      reason: "scheduled",
      channel: null,
      tags: [],
      metadata: null,
      lane: "default",
      priority: 0,
      stream: false,
      model: "sandbox/chat!reply=Hello",
      pool: null,
      fair_key: null,
      concurrency: null,
      on_budget: "wait",
      run: 0,
      attempt: 0,
      max_attempts: 5,
      timeout_s: 600,
      progress: null,
      output: null,
      output_bytes: null,
      output_url: null,
      error: null,
      attempts: [],
      usage: null,
      cached: false,
      saved: null,
      parent: null,
      custom_id: null,
      children: null,
      cancel_requested_at: null,
      rerun_of: null,
      retention_s: null,
      fingerprint: null,
      created_at: expect.stringMatching(INSTANT),
      run_at: new Date(Date.parse(job.created_at) + 60_000).toISOString(),
      started_at: null,
      finished_at: null,
      expires_at: null,
      version: 1,
    });
  });

  it("keeps and shows every option as it was given", async () => {
    const options = {
      channel: "user-42",
      tags: ["blog", "draft"],
      metadata: { post: 7, nested: { list: [1, null, "x"] } },
      lane: "interactive",
      priority: -3,
      run_at: "2099-01-02T03:04:05.678Z",
      max_attempts: 2,
      timeout_s: 12.5,
      stream: true,
    };
    const job = await submit(generate({ ...options, expires_in_s: 7_200 }));
    expect(job).toMatchObject(options);
    expect(job.expires_at).toBe(new Date(Date.parse(job.created_at) + 7_200_000).toISOString());
    expect((await call("GET", `/v1/jobs/${job.id}`)).body).toEqual(job);
  });

  it("shows a completed job with its output, its usage and its attempts", async () => {
    const job = await finish(generate());
    expect(Object.keys(job)).toEqual(expect.arrayContaining(JOB_FIELDS));
    const usage = {
      input_tokens: expect.any(Number),
      output_tokens: expect.any(Number),
      cached_tokens: 0,
      reasoning_tokens: 0,
      cost_usd: 0,
    };
    expect(job).toMatchObject({
      state: "completed",
      reason: null,
      run: 1,
      attempt: 1,
      output: { text: "Hello", finish_reason: "stop", model: "sandbox/chat!reply=Hello" },
      output_url: `/v1/jobs/${job.id}/output`,
      error: null,
      version: 3,
    });
    expect(job.usage).toEqual(usage);
    expect(job.usage?.output_tokens).toBeGreaterThan(0);
    const record = { attempt: 1, error: null, model: job.model, usage };
    expect(job.attempts).toEqual([
      { ...record, started_at: expect.stringMatching(INSTANT), ended_at: expect.stringMatching(INSTANT) },
    ]);
    const instants = [job.created_at, job.started_at, job.finished_at].map((text) => Date.parse(text ?? ""));
    expect(instants).toEqual([...instants].sort((a, b) => a - b));
  });

  it("shows a failed job with code, message and whether trying again could help", async () => {
    const job = await finish(generate({}, "sandbox/chat!status=400"));
    expect(job).toMatchObject({ state: "failed", output: null, output_url: null, attempt: 1 });
    const error = { code: "provider_bad_request", message: expect.any(String), retryable: false };
    expect(job.error).toEqual(error);
    expect(job.attempts?.map((attempt) => attempt.error)).toEqual([error]);
  });

  it("runs each task that GET /v1/tasks lists, and the list shows both schemas", async () => {
    type Task = { name: string; object: string; input_schema: object; output_schema: object };
    const { body } = await call<{ object: string; data: Task[] }>("GET", "/v1/tasks");
    expect(body.object).toBe("list");
    expect(body.data.map((task) => task.name)).toEqual([
      "generate",
      "extract",
      "classify",
      "moderate",
      "embed",
      "summarize",
      "translate",
      "batch",
      "bulk_generate",
    ]);
    for (const task of body.data) {
      expect(Object.keys(task).sort()).toEqual([
        "defaults",
        "description",
        "input_schema",
        "name",
        "object",
        "output_schema",
      ]);
      expect(task.input_schema).toHaveProperty("properties");
      expect(task.output_schema).toHaveProperty("properties");
    }
    const embedded = await finish({ task: "embed", input: { input: ["one", "two"], dimensions: 3 } });
    expect((embedded.output as { embeddings: number[][] }).embeddings.map((vector) => vector.length)).toEqual(
      [3, 3],
    );
  });

  it("stores tags once when they are given twice", async () => {
    const job = await submit(later({ tags: ["a", "b", "a"] }));
    expect(job.tags).toEqual(["a", "b"]);
  });

  it("takes a run_at in the past as now", async () => {
    const job = await finish(generate({ run_at: "1999-01-01T00:00:00Z" }));
    expect(job.run_at).toBe(job.created_at);
  });
});

describe("a request that is refused", () => {
  const cases: [string, unknown, string, RegExp][] = [
    ["no task", { input: {} }, "task", /expected string/],
    ["no input", { task: "generate" }, "input", /expected a value/],
    ["a task of the wrong type", { task: 1, input: {} }, "task", /expected string, received number/],
    ["an unknown field", later({ colour: "red" }), "body", /colour/],
    ["a tag of the wrong type", later({ tags: ["a", 7] }), "tags[1]", /expected string/],
    ["an empty tag", later({ tags: [""] }), "tags[0]", /1 char/],
    ["a tag of 65 characters", later({ tags: ["x".repeat(65)] }), "tags[0]", /64 char/],
    ["eleven tags", later({ tags: Array.from({ length: 11 }, (_, i) => `t${i}`) }), "tags", /10/],
    ["an unknown lane", later({ lane: "fast" }), "lane", /interactive/],
    ["a fractional priority", later({ priority: 0.5 }), "priority", /int/],
    ["a priority beyond 100", later({ priority: 101 }), "priority", /100/],
    [
      "a date that is none",
      generate({ run_at: "2026-02-30T00:00:00Z" }),
      "run_at",
      /expected an ISO 8601 instant in UTC/,
    ],
    [
      "a date without a zone",
      generate({ run_at: "2026-03-01T00:00:00" }),
      "run_at",
      /expected an ISO 8601 instant in UTC/,
    ],
    [
      "a date as a number",
      generate({ run_at: 1_770_000_000 }),
      "run_at",
      /expected an ISO 8601 instant in UTC/,
    ],
    ["run_at and delay_s", later({ run_at: "2099-01-01T00:00:00Z" }), "delay_s", /either run_at or delay_s/],
    ["a negative delay", generate({ delay_s: -1 }), "delay_s", /0/],
    ["a delay of more than a year", generate({ delay_s: 367 * 86_400 }), "delay_s", /31622400/],
    ["an expiry of zero", later({ expires_in_s: 0 }), "expires_in_s", /0/],
    ["no attempts", later({ max_attempts: 0 }), "max_attempts", /1/],
    ["a timeout above 780 s", later({ timeout_s: 781 }), "timeout_s", /780/],
    ["metadata that is a list", later({ metadata: [1] }), "metadata", /record/],
    ["metadata above 16 KB", later({ metadata: { a: "x".repeat(16_384) } }), "metadata", /16384 bytes/],
    ["stream as text", later({ stream: "yes" }), "stream", /expected boolean/],
    ["an empty channel", later({ channel: "" }), "channel", /1 char/],
    ["a channel of 129 characters", later({ channel: "c".repeat(129) }), "channel", /128 char/],
  ];

  it.each(cases)("names the field and what was expected: %s", async (_, json, param, expected) => {
    const error = expectError(await call("POST", "/v1/jobs", { json }), "invalid_request", param);
    expect(error.message).toMatch(expected);
  });

  const inputs: [string, unknown, string, RegExp][] = [
    ["an input that is text", { task: "generate", input: "a" }, "input", /expected object, received string/],
    ["an input that is a list", { task: "generate", input: [] }, "input", /expected object/],
    [
      "a prompt of the wrong type",
      { task: "generate", input: { prompt: 7 } },
      "input.prompt",
      /expected string/,
    ],
    ["neither prompt nor messages", { task: "generate", input: {} }, "input.prompt", /prompt.*messages/],
    [
      "a role deep inside",
      {
        task: "generate",
        input: {
          messages: [
            { role: "user", content: "a" },
            { role: "boss", content: "b" },
          ],
        },
      },
      "input.messages[1].role",
      /"user"/,
    ],
    [
      "one of two shapes",
      { task: "generate", input: { messages: [{ role: "user", content: 7 }] } },
      "input.messages[0].content",
      /expected string or expected array, received number/,
    ],
    [
      "inside the shape that was meant",
      { task: "generate", input: { messages: [{ role: "user", content: [{ type: "text" }] }] } },
      "input.messages[0].content[0].text",
      /expected string, but it is missing/,
    ],
    [
      "a kind that there is not",
      { task: "generate", input: { prompt: "a", response_format: { type: "yaml" } } },
      "input.response_format.type",
      /'json_schema'/,
    ],
    ["an unknown field", { task: "generate", input: { prompt: "a", tone: "warm" } }, "input", /tone/],
    ["no texts", { task: "embed", input: { input: [] } }, "input.input", /expected array to have >=1/],
  ];

  it.each(inputs)("names the place inside the task's input: %s", async (_, json, param, expected) => {
    const error = expectError(await call("POST", "/v1/jobs", { json }), "input_invalid", param);
    expect(error.message).toMatch(expected);
  });

  it("lists every problem when there is more than one", async () => {
    const answer = await call("POST", "/v1/jobs", {
      json: { task: 1, input: {}, tags: "a", priority: "high" },
    });
    const error = expectError(answer, "invalid_request", "task");
    expect(error.errors?.map(({ param }) => param).sort()).toEqual(["priority", "tags", "task"]);
  });

  it("names an unknown task and those that there are", async () => {
    const answer = await call("POST", "/v1/jobs", { json: { task: "transcribe", input: {} } });
    const error = expectError(answer, "unknown_task", "task");
    expect(error.message).toMatch(/transcribe.*generate.*embed/s);
  });

  it.each(["sandbox/nothing", "nobody/gpt", "gpt", "sandbox/embedding", "/", "sandbox/"])(
    "names an unknown model and where it stood: %s",
    async (model) => {
      const error = expectError(
        await call("POST", "/v1/jobs", { json: generate({}, model) }),
        "unknown_model",
        "input.model",
      );
      expect(error.message).toContain(model);
    },
  );

  it("stores nothing", async () => {
    const mark = "refused-tag";
    const refused = await call("POST", "/v1/jobs", { json: later({ tags: [mark], task: "transcribe" }) });
    expect(refused.status).toBe(422);
    const listed = await call<{ data: JobOnWire[] }>("GET", `/v1/jobs?tag=${mark}`);
    expect(listed.body.data).toEqual([]);
  });
});

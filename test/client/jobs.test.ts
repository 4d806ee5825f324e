import { describe, expect, it } from "vitest";
import * as errors from "../../client/src/errors";
import type { GenerateOutput, Job } from "../../client/src/index";
import { ERRORS } from "../../src/core/errors";
import { connect } from "../support/client-wire";
import { call, untilState } from "../support/http-client";

const INPUT = { prompt: "Say hello.", model: "sandbox/chat!reply=Hello" };
const SLOW = { prompt: "Say much.", model: "sandbox/chat!tokens=600,tps=10" };
const LATER = { delayS: 3_600 };

async function submitMany(tag: string, count: number): Promise<string[]> {
  const one = { task: "generate" as const, input: INPUT, ...LATER, tags: [tag] };
  const made = await connect().errand.jobs.bulk(Array.from({ length: count }, () => one));
  return made.map(({ id }) => id).reverse();
}

describe("list", () => {
  it("gives a page when it is awaited, and the next one by its cursor", async () => {
    const ids = await submitMany("l-page", 3);
    const { errand } = connect();
    const page = await errand.jobs.list({ tag: "l-page", limit: 2 });
    expect(page.data.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    expect(page.hasMore).toBe(true);
    const last = await errand.jobs.list({ tag: "l-page", limit: 2, cursor: page.nextCursor ?? "" });
    expect([last.data.map(({ id }) => id), last.hasMore, last.nextCursor]).toEqual([
      ids.slice(2),
      false,
      null,
    ]);
  });

  it("gives all jobs when it is iterated, and asks for pages only as far as somebody reads", async () => {
    const ids = await submitMany("l-all", 5);
    const { errand, wire } = connect();
    const seen: string[] = [];
    for await (const job of errand.jobs.list({ tag: "l-all", limit: 2 })) seen.push(job.id);
    expect(seen).toEqual(ids);
    expect(wire.requests).toHaveLength(3);
    for await (const _ of errand.jobs.list({ tag: "l-all", limit: 2 })) break;
    expect(wire.requests).toHaveLength(4);
  });

  it("goes on behind a page that has been awaited, and over pages that are empty", async () => {
    const job = await connect().errand.jobs.submit("generate", INPUT, LATER);
    const pages = [
      { data: [job], has_more: true, next_cursor: "a" },
      { data: [], has_more: true, next_cursor: "b" },
      { data: [job], has_more: false, next_cursor: null },
    ];
    const { errand, wire } = connect({
      faults: { request: (_, nth) => Response.json({ object: "list", ...pages[nth - 1] }) },
    });
    const seen: Job[] = [];
    for await (const one of await errand.jobs.list({ state: "pending" })) seen.push(one);
    expect(seen).toEqual([job, job]);
    const asked = wire.requests.map(({ url }) => url.search);
    expect(asked).toEqual(["?state=pending", "?state=pending&cursor=a", "?state=pending&cursor=b"]);
  });

  it("knows every filter", async () => {
    const { errand } = connect();
    const fingerprint = "0123456789abcdef";
    const filter = { task: "generate", channel: "c d&e", tag: "l-none", fingerprint, limit: 1 };
    expect((await errand.jobs.list({ state: "failed", ...filter })).data).toEqual([]);
    await expect(errand.jobs.list({ cursor: "x" })).rejects.toMatchObject({ code: "invalid_cursor" });
  });
});

describe("a job", () => {
  it("is got, explained, cancelled, retried and erased", async () => {
    const { errand } = connect();
    const { id } = await errand.jobs.submit("generate", SLOW, LATER);
    expect(await errand.jobs.get(id)).toEqual((await call("GET", `/v1/jobs/${id}`)).body);
    expect(await errand.jobs.explain(id)).toMatchObject({ job_id: id, reason: "scheduled" });
    expect(await errand.jobs.cancel(id)).toMatchObject({ state: "cancelled", cancel: "cancelled" });
    expect(await errand.jobs.cancel(id)).toMatchObject({ state: "cancelled", cancel: "already_final" });
    expect(await errand.jobs.retry(id)).toMatchObject({ id, state: "pending" });
    await untilState(id, "running");
    expect(await errand.jobs.cancel(id)).toMatchObject({ id, cancel: "cancelling" });
    await untilState(id, "cancelled");
    await errand.jobs.erase(id);
    await expect(errand.jobs.get(id)).rejects.toBeInstanceOf(errors.NotFoundError);
  });

  it("has its whole output, above 128 KB too", async () => {
    const { errand } = connect();
    const reply = "x".repeat(140_000);
    const input = { prompt: "a", model: "sandbox/chat", provider_options: { sandbox: { reply } } };
    const finished = await errand.jobs.run("generate", input);
    expect(finished.output.text).toBe(reply);
    expect((await errand.jobs.get(finished.id)).output).toBeNull();
    expect(await errand.jobs.output<GenerateOutput>(finished.id)).toEqual(finished.output);
  });

  it("cannot lead to another path by its id", async () => {
    const { errand, wire } = connect();
    await expect(errand.jobs.get("../tasks?a=1#b")).rejects.toMatchObject({ code: "not_found" });
    expect(wire.requests[0]?.url.pathname).toBe("/v1/jobs/..%2Ftasks%3Fa%3D1%23b");
  });
});

it("tasks are listed", async () => {
  const tasks = await connect().errand.tasks.list();
  expect(tasks.map(({ name }) => name)).toEqual([
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
});

describe("an error", () => {
  const CLASSES = {
    invalid_request_error: errors.InvalidRequestError,
    authentication_error: errors.AuthenticationError,
    permission_error: errors.PermissionError,
    not_found_error: errors.NotFoundError,
    conflict_error: errors.ConflictError,
    rate_limit_error: errors.RateLimitError,
    api_error: errors.ServerError,
  };
  const ofRequests = Object.entries(ERRORS).filter(([, { type }]) => !/provider|task/.test(type));

  it.each(ofRequests)(
    "has a class for its type, and all that was told: %s",
    async (code, { status, type }) => {
      const error = { message: "Words.", type, code, param: "input.a", request_id: "req-7" };
      const problems = [{ index: 2, param: "jobs[2].input", message: "Wrong." }];
      const body = { error: { ...error, errors: problems, job_ids: ["job_1"] } };
      const answer = () => Response.json(body, { status, headers: { "retry-after": "2" } });
      const { errand } = connect({ maxRetries: 0, faults: { request: answer } });
      const thrown = await errand.jobs.get("job_1").catch((one: unknown) => one);
      expect(thrown).toBeInstanceOf(errors.ErrandError);
      expect((thrown as Error).constructor).toBe(CLASSES[type as keyof typeof CLASSES]);
      expect(thrown).toMatchObject({
        name: CLASSES[type as keyof typeof CLASSES].name,
        message: "Words.",
        code,
        status,
        type,
        param: "input.a",
        requestId: "req-7",
        retryAfterMs: 2_000,
        problems,
        jobIds: ["job_1"],
      });
    },
  );

  it("of the whole Worker bears the id of its request", async () => {
    const thrown = await connect()
      .errand.jobs.get("job_1")
      .catch((one: unknown) => one);
    expect(thrown).toMatchObject({ code: "not_found", requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  });
});

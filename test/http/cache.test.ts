import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { JobOnWire } from "../../src/contract/job";
import {
  type Answer,
  call,
  createProject,
  expectError,
  finish,
  generate,
  submit,
  untilState,
} from "../support/http-client";

beforeEach(() => env.DB.exec("DELETE FROM cache_entries"));

const shared = (cache: Record<string, unknown> = {}, fields: Record<string, unknown> = {}) =>
  generate({ cache, ...fields }, "sandbox/chat!reply=Hello");

describe("POST /v1/jobs with `cache`", () => {
  it("answers an equal question at once, with the output and what it has saved", async () => {
    const first = await finish(shared());
    expect(first).toMatchObject({ cached: false, saved: null, usage: { output_tokens: expect.any(Number) } });
    const { status, body } = await call("POST", "/v1/jobs", {
      json: shared({}, { channel: "c", tags: ["t"] }),
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      ...{
        state: "completed",
        cached: true,
        output: first.output,
        usage: null,
        attempt: 0,
        run: 0,
        attempts: [],
      },
      saved: {
        input_tokens: first.usage?.input_tokens,
        output_tokens: first.usage?.output_tokens,
        cost_usd: 0,
      },
    });
    expect((await call("GET", `/v1/jobs/${body.id}/output`)).body).toEqual(first.output);
  });

  it.each<[string, Record<string, unknown>]>([
    ["with another scope", shared({ scope: "other" })],
    ["with another input", { ...shared(), input: { prompt: "Else.", model: "sandbox/chat!reply=Hello" } }],
    ["with another model", generate({ cache: {} }, "sandbox/chat!reply=Bye")],
    ["that wants a new answer", shared({ mode: "refresh" })],
    ["that uses no cache", generate()],
    ["that has turned it off", shared({ mode: "off" })],
  ])("asks the model for a job %s", async (_what, body) => {
    await finish(shared());
    expect((await finish(body)).cached).toBe(false);
  });

  it.each([
    { ttl_s: 0 },
    { ttl_s: 2_592_001 },
    { stale_s: -1 },
    { mode: "revalidate" },
    { scope: "" },
    { more: 1 },
  ])("refuses %j", async (cache) => {
    const answer = await call("POST", "/v1/jobs", { json: shared(cache) });
    expect(expectError(answer, "invalid_request").param).toMatch(/^cache/);
  });
});

type Purged = { purged: number; has_more: boolean };

const purge = (json: unknown, key?: string): Promise<Answer<Purged>> =>
  call("POST", "/v1/cache/purge", key === undefined ? { json } : { json, key });

describe("POST /v1/cache/purge", () => {
  const isCached = async (body: Record<string, unknown>, key?: string): Promise<boolean> =>
    (await finish(body, key === undefined ? {} : { key })).cached;

  it("removes the answers with one of the tags, and no others", async () => {
    const [a, b, none] = [
      shared({ tags: ["a", "x"], scope: "1" }),
      shared({ tags: ["b"], scope: "2" }),
      shared(),
    ];
    for (const body of [a, b, none]) await finish(body);
    expect((await purge({ tags: ["x", "unknown"] })).body).toEqual({
      object: "purge",
      purged: 1,
      has_more: false,
    });
    expect([await isCached(b), await isCached(none), await isCached(a)]).toEqual([true, true, false]);
  });

  it("removes those of a scope, or of a tag within it", async () => {
    const one = shared({ tags: ["a"], scope: "1" });
    const two = shared({ tags: ["a"], scope: "2" });
    for (const body of [one, two]) await finish(body);
    expect((await purge({ tags: ["a"], scope: "1" })).body.purged).toBe(1);
    expect([await isCached(two), await isCached(one)]).toEqual([true, false]);
    expect((await purge({ scope: "2" })).body.purged).toBe(1);
    expect(await isCached(two)).toBe(false);
  });

  it("removes all of the project, and nothing of another", async () => {
    const theirs = await createProject("cache-theirs", ["admin"]);
    const mine = await createProject("cache-mine", ["admin"]);
    for (const key of [mine, theirs]) await finish(shared({ tags: ["a"], scope: "s" }), { key });
    for (const filter of [{ all: true }, { tags: ["a"] }, { scope: "s" }]) await purge(filter, mine);
    expect(await isCached(shared({ tags: ["a"], scope: "s" }), theirs)).toBe(true);
    expect(await isCached(shared({ tags: ["a"], scope: "s" }), mine)).toBe(false);
  });

  it("leaves jobs what they have, and who makes an answer the leader of those that wait for it", async () => {
    const done = await finish(shared({ tags: ["a"] }));
    const body = generate({ cache: { tags: ["a"] } }, "sandbox/chat!tokens=60,tps=60");
    const leader = await submit(body);
    await purge({ all: true });
    const follower = await submit(body);
    expect(follower.state).toBe("waiting");
    expect((await untilState(follower.id, "completed")).output).toEqual(
      (await untilState(leader.id, "completed")).output,
    );
    expect((await call("GET", `/v1/jobs/${done.id}`)).body.output).toEqual(done.output);
  });

  it.each([{}, { tags: [] }, { all: false }, { all: true, scope: "s" }, { filter: {} }])(
    "refuses %j",
    async (body) => {
      expectError(await purge(body), "invalid_request");
    },
  );
});

describe("jobs that ask the same", () => {
  it("are one call, though hundreds of requests come side by side", { timeout: 60_000 }, async () => {
    const body = generate({ cache: {}, tags: ["many"] }, "sandbox/chat!tokens=40,tps=20");
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, () => call("POST", "/v1/jobs", { json: body })),
    );
    const jobs = answers.map((answer) => answer.body);
    const leaders = jobs.filter(({ state }) => state === "pending");
    expect(leaders.length).toBe(1);
    const done = await untilState(leaders[0]?.id ?? "", "completed");
    const sql =
      "SELECT COUNT(*) AS jobs, COUNT(DISTINCT output) AS outputs, SUM(run) AS runs FROM jobs WHERE tags = ?1 AND state = 'completed'";
    const counted = await env.DB.prepare(sql).bind('["many"]').first();
    expect(counted).toEqual({ jobs: 1_000, outputs: 1, runs: 1 });
    const { body: last } = await call<JobOnWire>("GET", `/v1/jobs/${jobs.at(-1)?.id}`);
    expect(last.output).toEqual(done.output);
  });

  it("are explained by the one they wait for", async () => {
    const body = generate({ cache: { scope: "explained" } }, "sandbox/chat!tokens=40,tps=40");
    const leader = await submit(body);
    const follower = await submit(body);
    const told = await call<{ message: string }>("GET", `/v1/jobs/${follower.id}/explain`);
    expect(told.body.message).toContain(leader.id);
    await untilState(follower.id, "completed");
  });

  it("show in the usage of the day what was not asked again", async () => {
    const key = await createProject("cache-usage", ["admin"]);
    const { usage } = await finish(shared(), { key });
    await finish(shared(), { key });
    const { body } = await call<{ total: Record<string, number> }>("GET", "/v1/usage", { key });
    expect(body.total).toMatchObject({
      ...{ runs: 1, cache_hits: 1, saved_input_tokens: usage?.input_tokens, saved_cost_usd: 0 },
      saved_output_tokens: usage?.output_tokens,
    });
  });
});

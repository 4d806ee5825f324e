import { env } from "cloudflare:workers";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import {
  call,
  createKey,
  createProject,
  expectError,
  finish,
  generate,
  ROOT_KEY,
  slow,
  stop,
  submit,
  untilState,
} from "../support/http-client";
import { changeRow, countRows, storedIn, theJob } from "../support/rows";

type Shown = {
  id: string;
  object: string;
  scope: string;
  name: string | null;
  project: string | null;
  created_at: string;
  running: number | null;
};

const pause = (json: unknown, key: string = ROOT_KEY) => call<Shown>("POST", "/v1/pauses", { json, key });
const resume = (id: string, key: string = ROOT_KEY) => call("DELETE", `/v1/pauses/${id}`, { key });
const list = async (key: string = ROOT_KEY) =>
  (await call<{ data: Shown[] }>("GET", "/v1/pauses", { key })).body.data;

afterEach(() => env.DB.exec("DELETE FROM pauses"));

// Rows that only look like running jobs.
afterAll(() => env.DB.exec("DELETE FROM jobs WHERE claim_id = 'clm_0'"));

describe("a project that is paused", () => {
  it("takes jobs and starts none; what runs goes on; resumed, it starts them within a second", async () => {
    const key = await createProject("halting");
    const running = await submit(slow(), { key });
    await untilState(running.id, "running", { key });
    const answer = await pause({}, key);
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      object: "pause",
      scope: "project",
      name: null,
      project: "halting",
      running: 1,
    });
    const waiting = [await submit(generate(), { key }), await submit(generate({ lane: "bulk" }), { key })];
    expect((await stop(running.id, { key })).state).toBe("cancelled");
    expect(await list(key)).toMatchObject([{ id: answer.body.id, running: 0 }]);
    // Behind the doorbells of those that wait: by now these have been answered.
    for (const lane of ["default", "bulk"])
      expect((await finish(generate({ lane }))).state).toBe("completed");
    for (const { id } of waiting)
      expect(await theJob(id, "halting")).toMatchObject({ state: "pending", run: 0 });
    const resumedAt = Date.now();
    expect((await resume(answer.body.id, key)).status).toBe(204);
    for (const { id } of waiting) {
      await untilState(id, "completed", { key });
      const { startedAt } = await theJob(id, "halting");
      expect((startedAt ?? 0) - resumedAt).toBeLessThan(1_000);
    }
    expect(await list(key)).toEqual([]);
  });
});

describe("POST /v1/pauses", () => {
  it("answers the same pause when it is there already", async () => {
    const first = await pause({ task: "embed" });
    expect(first.status).toBe(201);
    const second = await pause({ task: "embed" });
    expect([second.status, second.body]).toEqual([200, first.body]);
    expect(first.body).toMatchObject({ scope: "task", name: "embed", project: "default", running: 0 });
  });

  it.each([
    [{ pool: "sandbox/chat" }, "pool", "sandbox/chat"],
    [{ task: "embed", everywhere: true }, "task", "embed"],
  ])("with %j is for the root key, and for the whole deployment", async (json, scope, name) => {
    const key = await createProject("tenant", ["admin"]);
    expectError(await pause(json, key), "forbidden");
    expect((await pause(json)).body).toMatchObject({ scope, name, project: null });
  });

  it.each([
    [{ task: "embed", pool: "sandbox/chat" }, "pool"],
    [{ everywhere: true }, "everywhere"],
    [{ pool: "sandbox/chat", everywhere: true }, "everywhere"],
    [{ project: "acme" }, undefined],
    [{ task: "" }, "task"],
    [{ pool: "a\u0000b" }, "pool"],
  ])("refuses %j", async (json, param) => {
    expectError(await pause(json), "invalid_request", param);
    expect(await countRows("pauses")).toBe(0);
  });

  it("names what there is for an unknown task or pool, and stores nothing", async () => {
    const task = expectError(await pause({ task: "transcribe" }), "unknown_task", "task");
    expect(task.message).toContain("generate, extract");
    const pool = expectError(await pause({ pool: "sandbox/none" }), "unknown_pool", "pool");
    expect(pool.message).toContain("sandbox/chat, sandbox/limited, sandbox/embedding");
    expect(await countRows("pauses")).toBe(0);
  });

  it("pauses nothing of a project that was deleted, whose key is still remembered", async () => {
    const key = await createProject("leaving");
    await list(key);
    await env.DB.exec("UPDATE projects SET deleted_at = 1 WHERE id = 'leaving'");
    expectError(await pause({}, key), "not_found");
    expect(await countRows("pauses")).toBe(0);
  });
});

describe("GET /v1/pauses", () => {
  it("shows a project its own pauses and those of the deployment, and counts only its own jobs", async () => {
    const [mine, theirs] = [await createProject("mine"), await createProject("theirs")];
    await pause({ pool: "sandbox/chat" });
    await pause({ task: "embed" }, mine);
    await pause({ task: "generate" }, theirs);
    const job = await storedIn("running");
    await changeRow(job.id, { model: "sandbox/chat" });
    const seen = async (key: string) =>
      (await list(key)).map(({ name, project, running }) => [name, project, running]);
    expect(await seen(mine)).toEqual([
      ["sandbox/chat", null, 0],
      ["embed", "mine", 0],
    ]);
    expect(await seen(theirs)).toEqual([
      ["sandbox/chat", null, 0],
      ["generate", "theirs", 0],
    ]);
    expect(await seen(ROOT_KEY)).toEqual([["sandbox/chat", null, 1]]);
  });
});

describe("DELETE /v1/pauses/{id}", () => {
  it("is the same 404 for another project's pause as for a missing one, and forbidden for the deployment's", async () => {
    const [mine, theirs] = [await createProject("owner"), await createKey("tenant", ["admin"])];
    const own = await pause({}, mine);
    const wide = await pause({ pool: "sandbox/embedding" });
    const [foreign, missing] = [await resume(own.body.id, theirs), await resume("pau_nothing", theirs)];
    const [one, other] = [foreign, missing].map((answer) => expectError(answer, "not_found"));
    expect({ ...one, request_id: null }).toEqual({ ...other, request_id: null });
    expectError(await resume(own.body.id), "not_found");
    expectError(await resume(wide.body.id, mine), "forbidden");
    expect(await countRows("pauses")).toBe(2);
    expect((await resume(wide.body.id)).status).toBe(204);
    expect((await resume(own.body.id, mine)).status).toBe(204);
    expectError(await resume(own.body.id, mine), "not_found");
  });
});

describe("a project that is deleted", () => {
  it("leaves no pause", async () => {
    const key = await createProject("doomed");
    await pause({}, key);
    await call("DELETE", "/v1/projects/doomed");
    expect(await countRows("pauses")).toBe(0);
  });
});

describe("jobs with a concurrency key", () => {
  it("run one after the other, without a look of the clock in between", async () => {
    const key = await createProject("careful");
    const concurrency = { key: "document-1", limit: 1 };
    const jobs = [];
    for (let i = 0; i < 6; i++) jobs.push(await submit(generate({ concurrency }), { key }));
    const times = [];
    for (const { id } of jobs) {
      const { started_at, finished_at } = await untilState(id, "completed", { key });
      times.push({ from: Date.parse(started_at ?? ""), to: Date.parse(finished_at ?? "") });
    }
    times.sort((a, b) => a.from - b.from);
    for (const [i, { from }] of times.entries()) {
      expect(from).toBeGreaterThanOrEqual(times[i - 1]?.to ?? 0);
    }
  });
});

import { env } from "cloudflare:workers";
import { afterAll, describe, expect, it } from "vitest";
import type { JobOnWire } from "../../src/contract/job";
import type { OperationOnWire } from "../../src/contract/operation";
import { operate } from "../../src/engine/operate";
import { sweep } from "../../src/engine/sweep";
import { getOperation } from "../../src/store/operations";
import { testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { call, createProject, expectError, finish, generate, later, submit } from "../support/http-client";
import { changeRow, countRows, storedIn, theJob, theRow } from "../support/rows";

// Rows that only look like running jobs.
afterAll(() => env.DB.exec("DELETE FROM jobs"));

type Failure = { fingerprint: string; count: number; code: string; message: string; newest_job: string };
type Page<T> = { data: T[] };

const act = (verb: string, json: unknown, key?: string) =>
  call<OperationOnWire>("POST", `/v1/jobs/${verb}`, { json, ...(key ? { key } : {}) });

const failing = (tag: string, status: number) =>
  generate({ max_attempts: 1, tags: [tag] }, `sandbox/chat!status=${status}`);

describe("GET /v1/failures", () => {
  it("groups failed jobs by their cause, the most frequent first, with an example", async () => {
    const key = await createProject("failing");
    for (const status of [400, 400, 500]) await finish(failing("f", status), { key });
    await finish(generate(), { key });
    const { body } = await call<Page<Failure>>("GET", "/v1/failures", { key });
    expect(body.data.map(({ code, count }) => [code, count])).toEqual([
      ["provider_bad_request", 2],
      ["provider_error", 1],
    ]);
    const [first] = body.data;
    const path = `/v1/jobs?state=failed&fingerprint=${first?.fingerprint}`;
    const jobs = await call<Page<JobOnWire>>("GET", path, { key });
    expect(jobs.body.data).toHaveLength(2);
    expect(jobs.body.data[0]).toMatchObject({ id: first?.newest_job, error: { message: first?.message } });
    expect((await call<Page<Failure>>("GET", "/v1/failures?limit=1", { key })).body.data).toEqual([first]);
  });

  it("shows nothing of another project's failures, nor of erased ones", async () => {
    const [mine, other] = [await createProject("mine-f"), await createProject("other-f")];
    const job = await finish(failing("f", 400), { key: mine });
    expect((await call<Page<Failure>>("GET", "/v1/failures", { key: other })).body.data).toEqual([]);
    await call("DELETE", `/v1/jobs/${job.id}`, { key: mine });
    expect((await call<Page<Failure>>("GET", "/v1/failures", { key: mine })).body.data).toEqual([]);
  });

  it("looks at the index of failed jobs alone", async () => {
    const sql =
      "EXPLAIN QUERY PLAN SELECT id, fingerprint FROM jobs WHERE project_id = 'p' AND state = 'failed' ORDER BY id DESC";
    expect(JSON.stringify((await env.DB.prepare(sql).all()).results)).toContain("COVERING INDEX jobs_failed");
  });
});

describe("POST /v1/jobs/retry", () => {
  it("starts the failed jobs of one cause over, and leaves all others", async () => {
    const key = await createProject("redrive");
    const [bad, good] = [await finish(failing("f", 400), { key }), await finish(failing("f", 500), { key })];
    const answer = await act("retry", { filter: { fingerprint: good.fingerprint } }, key);
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({
      action: "retry",
      state: "completed",
      changed: 1,
      project: "redrive",
    });
    expect(answer.headers.get("location")).toBe(`/v1/operations/${answer.body.id}`);
    expect((await call<OperationOnWire>("GET", `/v1/operations/${answer.body.id}`, { key })).body).toEqual(
      answer.body,
    );
    const again = await theJob(good.id, "redrive");
    expect(again.run + again.version).toBeGreaterThan(good.run + good.version);
    expect(await theJob(bad.id, "redrive")).toMatchObject({ state: "failed", version: bad.version });
  });

  it("starts cancelled jobs only when it is asked to", async () => {
    const job = await storedIn("cancelled", { channel: "cancelled-ones" });
    const filter = { channel: "cancelled-ones" };
    expect((await act("retry", { filter })).body.changed).toBe(0);
    expect((await act("retry", { filter: { ...filter, state: "cancelled" } })).body.changed).toBe(1);
    expect((await theJob(job.id)).state).not.toBe("cancelled");
  });

  it("spreads the starts over time by its rate", async () => {
    const jobs = await Promise.all(
      Array.from({ length: 5 }, () => storedIn("failed", { channel: "spread", wake_at: null })),
    );
    const { body } = await act("retry", { filter: { channel: "spread" }, rate: 0.1 });
    expect(body).toMatchObject({ changed: 5, rate: 0.1 });
    const runAts = (await Promise.all(jobs.map(({ id }) => theJob(id)))).map(({ runAt }) => runAt).sort();
    const gaps = runAts.slice(1).map((at, i) => at - (runAts[i] ?? 0));
    for (const gap of gaps) expect(Math.abs(gap - 10_000)).toBeLessThan(1_000);
  });
});

describe("POST /v1/jobs/cancel", () => {
  it("cancels every open job that fits, of the caller's project only", async () => {
    const key = await createProject("cancelling");
    const jobs = [await submit(later({ tags: ["x"] }), { key }), await submit(later(), { key })];
    const foreign = await submit(later({ tags: ["x"] }));
    expect((await act("cancel", { filter: { tag: "x" } }, key)).body).toMatchObject({ changed: 1 });
    expect(await theJob(jobs[0]?.id ?? "", "cancelling")).toMatchObject({ state: "cancelled" });
    expect(await theJob(jobs[1]?.id ?? "", "cancelling")).toMatchObject({ state: "pending" });
    expect((await act("cancel", { filter: {} }, key)).body).toMatchObject({ changed: 1, state: "completed" });
    expect(await theJob(foreign.id)).toMatchObject({ state: "pending" });
  });

  it("takes the instants between which jobs were made", async () => {
    const job = await submit(later({ channel: "instants" }));
    const before = {
      channel: "instants",
      created_before: new Date(Date.parse(job.created_at) - 1_000).toISOString(),
    };
    const after = { channel: "instants", created_after: before.created_before };
    expect((await act("cancel", { filter: before })).body.changed).toBe(0);
    expect((await act("cancel", { filter: after })).body.changed).toBe(1);
  });
});

describe("POST /v1/jobs/erase", () => {
  it("erases what belongs to a channel, whatever its state", async () => {
    const jobs = await Promise.all([
      storedIn("pending", { channel: "person-7" }),
      storedIn("completed", { channel: "person-7" }),
      storedIn("running", { channel: "person-7" }),
    ]);
    const other = await storedIn("completed", { channel: "person-8" });
    const { body } = await act("erase", { filter: { channel: "person-7" } });
    expect(body).toMatchObject({ state: "completed", changed: 3 });
    const list = await call<Page<JobOnWire>>("GET", "/v1/jobs?channel=person-7");
    expect(list.body.data).toEqual([]);
    const rows = await Promise.all(jobs.map(({ id }) => theRow(id)));
    expect(rows.map((row) => row?.state)).toEqual([undefined, undefined, "running"]);
    expect(rows[2]?.cancel_requested_at).not.toBeNull();
    expect(await theJob(other.id)).toMatchObject({ state: "completed" });
  });

  it("wants a channel or a tag", async () => {
    expectError(await act("erase", { filter: { task: "generate" } }), "invalid_request", "filter.channel");
  });
});

describe("an operation", () => {
  const filter = { channel: "many" };
  const start = {
    projectId: PROJECT,
    target: PROJECT,
    action: "cancel" as const,
    filter: { ...filter, state: "open" as const },
    rate: null,
  };

  async function manyJobs(count: number): Promise<void> {
    const row =
      "INSERT INTO jobs (project_id, id, task, state, channel, lane, priority, stream, max_attempts, timeout_ms, created_at, run_at, wake_at, input_bytes)";
    const now = Date.now();
    const values = Array.from(
      { length: count },
      (_, i) =>
        `('default', 'job_01KAM2T2Q5W4R0E8Z6S3${String(i).padStart(6, "0")}', 'generate', 'pending', 'many', 'default', 0, 0, 1, 1000, ${now}, ${now + 9e8}, ${now + 9e8}, 2)`,
    );
    for (let i = 0; i < count; i += 200)
      await env.DB.prepare(`${row} VALUES ${values.slice(i, i + 200).join(",")}`).run();
  }

  it("on many jobs goes on by the clock after the first slices, and counts each job once", async () => {
    await manyJobs(1_050);
    const deps = testDeps();
    const first = await operate(deps, start);
    expect(first).toMatchObject({ finishedAt: null, changed: 300 });
    expect(deps.armed).toContain(0);
    for (let pass = 0; pass < 5; pass++) await sweep(testDeps(), true);
    const end = await getOperation(env.DB, PROJECT, first.id);
    expect(end).toMatchObject({ changed: 1_050 });
    expect(end?.finishedAt).not.toBeNull();
    const open = await env.DB.prepare(
      "SELECT COUNT(*) AS n FROM jobs WHERE channel = 'many' AND state <> 'cancelled'",
    ).first<{ n: number }>();
    expect(open?.n).toBe(0);
  });

  it("whose slice is done but not written down changes no job twice", async () => {
    await env.DB.exec("DELETE FROM jobs WHERE channel = 'many'");
    await manyJobs(250);
    const wrapped = wrapDb(env.DB);
    wrapped.fail(1, "UPDATE operations SET position");
    const broken = operate(testDeps({ db: wrapped.db }), start);
    await expect(broken).rejects.toMatchObject({ code: "store_unavailable" });
    await env.DB.exec("UPDATE operations SET wake_at = 1 WHERE finished_at IS NULL");
    await sweep(testDeps(), true);
    const once = "jobs WHERE channel = 'many' AND state = 'cancelled' AND version = 2";
    expect(await countRows(once)).toBe(250);
  });

  it("is one operation though the answer to its first writing got lost", async () => {
    const wrapped = wrapDb(env.DB);
    wrapped.loseAnswers(1, "INSERT INTO operations");
    const before = await countRows("operations");
    const operation = await operate(testDeps({ db: wrapped.db }), {
      ...start,
      filter: { channel: "nobody" },
    });
    expect(operation.finishedAt).not.toBeNull();
    expect(await countRows("operations")).toBe(before + 1);
  });

  it("is nobody's business but its project's", async () => {
    const { body } = await act("cancel", { filter: { tag: "none" } });
    const key = await createProject("stranger");
    expectError(await call("GET", `/v1/operations/${body.id}`, { key }), "not_found");
    expectError(await call("GET", "/v1/operations/op_nothing"), "not_found");
  });
});

describe("a project that is deleted", () => {
  it("is gone when what runs in it has stopped", async () => {
    const key = await createProject("leaving");
    const job = await submit(later(), { key });
    await changeRow(job.id, {
      state: "running",
      run: 1,
      lease_until: Date.now() + 60_000,
      claim_id: "clm_1",
    });
    const { body } = await call<OperationOnWire>("DELETE", "/v1/projects/leaving");
    expect(body).toMatchObject({ state: "running", action: "erase_project" });
    await env.BUCKET.put(`leaving/${job.id}/9/output`, "of a lost run");
    await changeRow(job.id, { lease_until: 1_000, wake_at: 1_000 });
    await sweep(testDeps(), true);
    await sweep(testDeps(), true);
    expect(await theRow(job.id)).toBeNull();
    await env.DB.prepare("UPDATE operations SET wake_at = 1 WHERE id = ?1").bind(body.id).run();
    await sweep(testDeps(), true);
    expect(await getOperation(env.DB, PROJECT, body.id)).toMatchObject({ finishedAt: expect.any(Number) });
    expect((await env.BUCKET.list({ prefix: "leaving/" })).objects).toEqual([]);
  });
});

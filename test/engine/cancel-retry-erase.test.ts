import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { cancel } from "../../src/engine/cancel";
import { erase } from "../../src/engine/erase";
import { retry } from "../../src/engine/retry";
import { storeText } from "../../src/store/objects";
import { movesTold, promptFor, ringFor, testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { changeRow, storedIn, storedJob, theJob, theRow } from "../support/rows";

const missing = { projectId: PROJECT, id: "job_missing" };

describe("cancel", () => {
  it.each(["pending", "waiting"] as const)("ends a %s job at once", async (state) => {
    const deps = testDeps();
    const job = await storedIn(state);
    expect(await cancel(deps, job)).toMatchObject({ state: "cancelled", reason: null });
    await deps.backgroundDone();
    expect(movesTold(deps, job.id)).toEqual(["job.cancelled"]);
    expect(await ringFor(testDeps(), job)).toMatchObject([{ state: "cancelled", run: job.run }]);
  });

  it("asks a running job to end, and tells of it once", async () => {
    const deps = testDeps();
    const job = await storedIn("running");
    const first = await cancel(deps, job);
    expect(first).toMatchObject({ state: "running", version: job.version + 1 });
    expect(first?.cancelRequestedAt).not.toBeNull();
    expect(await cancel(deps, job)).toEqual(first);
    await deps.backgroundDone();
    expect(movesTold(deps, job.id)).toEqual(["job.cancelling"]);
  });

  it("ends a job that stops running between the two questions", async () => {
    const wrapped = wrapDb(env.DB);
    const job = await storedIn("running");
    wrapped.meanwhile(() => changeRow(job.id, { state: "pending", reason: "retrying" }));
    expect(await cancel(testDeps({ db: wrapped.db }), job)).toMatchObject({ state: "cancelled" });
  });

  it.each(["completed", "failed", "cancelled"] as const)("leaves a %s job as it is", async (state) => {
    const deps = testDeps();
    const job = await storedIn(state);
    expect(await cancel(deps, job)).toEqual(job);
    await deps.backgroundDone();
    expect(deps.published).toEqual([]);
  });

  it("finds no job that is not there, or is another project's", async () => {
    const job = await storedJob();
    expect(await cancel(testDeps(), missing)).toBeNull();
    expect(await cancel(testDeps(), { projectId: "other", id: job.id })).toBeNull();
    expect(await theJob(job.id)).toMatchObject({ state: "pending" });
  });
});

describe("retry", () => {
  it.each(["failed", "cancelled"] as const)("starts a %s job from the beginning", async (state) => {
    const deps = testDeps();
    const job = await storedIn(state, { attempt: 5, run: 6, crashes: 2 });
    expect(await retry(deps, job)).toMatchObject({ id: job.id, state: "pending", attempt: 0, run: 6 });
    await deps.backgroundDone();
    expect(deps.rung).toEqual([{ p: PROJECT, id: job.id }]);
    expect(movesTold(deps, job.id)).toEqual(["job.submitted"]);
    expect(await ringFor(testDeps(), job)).toMatchObject([{ state: "completed", run: 7, attempt: 1 }]);
  });

  it("makes a new job like a completed one, and leaves that as it is", async () => {
    const over = {
      channel: "c",
      tags: ["t"],
      metadata: '{"m":1}',
      lane: "bulk" as const,
      priority: 3,
      max_attempts: 2,
    };
    const job = await storedJob({ ...promptFor("reply=Hi"), ...over, timeout_ms: 9_000, stream: true });
    const [completed] = await ringFor(testDeps(), job);
    const copy = await retry(testDeps(), job);
    expect(copy).toMatchObject({
      ...{ rerunOf: job.id, state: "pending", run: 0, channel: "c", tags: ["t"], metadata: { m: 1 } },
      ...{
        lane: "bulk",
        priority: 3,
        maxAttempts: 2,
        timeoutMs: 9_000,
        stream: true,
        model: "sandbox/chat!reply=Hi",
      },
    });
    expect((await theJob(copy.id)).input).toBe(job.input);
    expect(await theJob(job.id)).toEqual(completed);
  });

  it("makes the copy of a job with a large input from R2", async () => {
    const text = JSON.stringify({ prompt: "Tea ".repeat(5_000), model: "sandbox/chat" });
    const { key, bytes } = await storeText(env.BUCKET, `${PROJECT}/large/input`, text);
    const job = await storedJob({ input: null, input_key: key, input_bytes: bytes });
    await ringFor(testDeps(), job);
    const copy = await retry(testDeps(), job);
    expect(copy.inputKey).toBe(`${PROJECT}/${copy.id}/input`);
    expect(await (await env.BUCKET.get(copy.inputKey ?? ""))?.text()).toBe(text);
  });

  it.each(["pending", "running", "waiting"] as const)("refuses a %s job", async (state) => {
    const job = await storedIn(state);
    await expect(retry(testDeps(), job)).rejects.toMatchObject({ code: "job_not_final" });
    expect(await theJob(job.id)).toEqual(job);
  });

  it("finds no job that is not there, or is another project's", async () => {
    const job = await storedIn("failed");
    await expect(retry(testDeps(), missing)).rejects.toMatchObject({ code: "not_found" });
    await expect(retry(testDeps(), { ...job, projectId: "other" })).rejects.toMatchObject({
      code: "not_found",
    });
    expect(await theJob(job.id)).toEqual(job);
  });
});

describe("erase", () => {
  it("leaves nothing of a job, neither in the database nor in R2", async () => {
    const job = await storedJob({ ...promptFor("tokens=10000"), tags: ["t"] });
    const [completed] = await ringFor(testDeps(), job);
    expect(completed?.outputKey).not.toBeNull();
    await erase(testDeps(), job);
    expect(await theRow(job.id)).toBeNull();
    expect((await env.BUCKET.list({ prefix: `${PROJECT}/${job.id}/` })).objects).toEqual([]);
  });

  it("refuses a running job", async () => {
    const job = await storedIn("running");
    await expect(erase(testDeps(), job)).rejects.toMatchObject({ code: "job_not_final" });
    expect(await theJob(job.id)).toEqual(job);
  });

  it("finds no job that is not there, or is another project's", async () => {
    const job = await storedIn("failed");
    await expect(erase(testDeps(), missing)).rejects.toMatchObject({ code: "not_found" });
    await expect(erase(testDeps(), { ...job, projectId: "other" })).rejects.toMatchObject({
      code: "not_found",
    });
    expect(await theJob(job.id)).toEqual(job);
  });

  it("lets the same request make a new job under its old key", async () => {
    const job = await storedJob({ idempotency_key: "once", hash: "h" });
    await erase(testDeps(), job);
    expect(await storedJob({ idempotency_key: "once", hash: "other" })).toMatchObject({ state: "pending" });
  });
});

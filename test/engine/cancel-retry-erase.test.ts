import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { isErased } from "../../src/core/job";
import { cancelAll } from "../../src/engine/cancel";
import { erase } from "../../src/engine/erase";
import { retry } from "../../src/engine/retry";
import { sweep } from "../../src/engine/sweep";
import { getJobs } from "../../src/store/jobs";
import { storeText } from "../../src/store/objects";
import { endLease } from "../support/age";
import { brokenBucket, movesTold, promptFor, ringFor, testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { changeRow, storedIn, storedJob, theJob, theRow } from "../support/rows";

const missing = { projectId: PROJECT, id: "job_missing" };

describe("cancelAll", () => {
  it.each(["pending", "waiting"] as const)("ends a %s job at once", async (state) => {
    const deps = testDeps();
    const job = await storedIn(state);
    expect(await cancelAll(deps, [job])).toMatchObject([{ state: "cancelled", reason: null }]);
    await deps.backgroundDone();
    expect(movesTold(deps, job.id)).toEqual(["job.cancelled"]);
    expect(await ringFor(testDeps(), job)).toMatchObject([{ state: "cancelled", run: job.run }]);
  });

  it("asks a running job to end, and tells of it once", async () => {
    const deps = testDeps();
    const job = await storedIn("running");
    const [first] = await cancelAll(deps, [job]);
    expect(first).toMatchObject({ state: "running", version: job.version + 1 });
    expect(first?.cancelRequestedAt).not.toBeNull();
    expect(await cancelAll(deps, [job])).toEqual([]);
    await deps.backgroundDone();
    expect(movesTold(deps, job.id)).toEqual(["job.cancelling"]);
  });

  it("ends a job that stops running between the two questions", async () => {
    const wrapped = wrapDb(env.DB);
    const job = await storedIn("running");
    wrapped.meanwhile(() => changeRow(job.id, { state: "pending", reason: "retrying" }));
    expect(await cancelAll(testDeps({ db: wrapped.db }), [job])).toMatchObject([{ state: "cancelled" }]);
  });

  it("does to each of many jobs what its state asks for", async () => {
    const jobs = [await storedJob(), await storedIn("running"), await storedIn("failed"), await storedJob()];
    expect((await cancelAll(testDeps(), jobs)).map(({ id }) => id).sort()).toEqual(
      [jobs[0], jobs[1], jobs[3]].map((job) => job?.id).sort(),
    );
    const states = await Promise.all(jobs.map(async ({ id }) => (await theJob(id)).state));
    expect(states).toEqual(["cancelled", "running", "failed", "cancelled"]);
  });

  it.each(["completed", "failed", "cancelled"] as const)("leaves a %s job as it is", async (state) => {
    const deps = testDeps();
    const job = await storedIn(state);
    expect(await cancelAll(deps, [job])).toEqual([]);
    await deps.backgroundDone();
    expect(deps.published).toEqual([]);
    expect(await theRow(job.id)).toMatchObject({ state, version: job.version });
  });

  it("finds no job that is not there, or is another project's", async () => {
    const job = await storedJob();
    expect(await cancelAll(testDeps(), [missing, { projectId: "other", id: job.id }])).toEqual([]);
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
    expect(await theRow(job.id)).toMatchObject({ state: "completed", version: completed?.version });
  });

  it("makes the copy of a job with a large input from R2", async () => {
    const text = JSON.stringify({ prompt: "Tea ".repeat(5_000), model: "sandbox/chat" });
    const { key, bytes } = await storeText(
      testDeps(),
      { projectId: PROJECT, id: "large" },
      `${PROJECT}/large/input`,
      text,
    );
    const job = await storedJob({ input: null, input_key: key, input_bytes: bytes });
    await ringFor(testDeps(), job);
    const copy = await retry(testDeps(), job);
    expect(copy.inputKey).toBe(`${PROJECT}/${copy.id}/input`);
    expect(await (await env.BUCKET.get(copy.inputKey ?? ""))?.text()).toBe(text);
  });

  it.each(["pending", "running", "waiting"] as const)("refuses a %s job", async (state) => {
    const job = await storedIn(state);
    await expect(retry(testDeps(), job)).rejects.toMatchObject({ code: "job_not_final" });
    expect(await theRow(job.id)).toMatchObject({ state: job.state, version: job.version });
  });

  it("finds no job that is not there, or is another project's", async () => {
    const job = await storedIn("failed");
    await expect(retry(testDeps(), missing)).rejects.toMatchObject({ code: "not_found" });
    await expect(retry(testDeps(), { ...job, projectId: "other" })).rejects.toMatchObject({
      code: "not_found",
    });
    expect(await theRow(job.id)).toMatchObject({ state: job.state, version: job.version });
  });
});

describe("erase", () => {
  it("leaves nothing of a job, neither in the database nor in R2 nor with its hub", async () => {
    const over = { tags: ["t"], channel: "erased", idempotency_key: "once-erased", hash: "h" };
    const job = await storedJob({ ...promptFor("tokens=10000"), ...over });
    const deps = testDeps();
    const [completed] = await ringFor(deps, job);
    expect(completed?.outputKey).not.toBeNull();
    expect(await erase(deps, [job])).toEqual([]);
    expect(await theRow(job.id)).toBeNull();
    expect((await env.BUCKET.list({ prefix: `${PROJECT}/${job.id}/` })).objects).toEqual([]);
    expect(
      (await env.DB.prepare("SELECT * FROM job_tags WHERE job_id = ?1").bind(job.id).all()).results,
    ).toEqual([]);
    const hub = env.EVENT_HUB.getByName(`${PROJECT}/channel/erased`);
    const told = await runInDurableObject(hub, (_hub, state) => [
      ...state.storage.sql.exec("SELECT * FROM ring"),
    ]);
    expect(JSON.stringify(told)).not.toContain(job.id);
  });

  it("hides a running job at once, stops it, and removes it when it has stopped", async () => {
    const deps = testDeps();
    const job = await storedJob(promptFor("ttft_ms=60000"));
    const ran = ringFor(deps, job).catch(() => null);
    await vi.waitFor(async () => expect(await theJob(job.id)).toMatchObject({ state: "running" }));
    expect(await erase(deps, [job])).toMatchObject([{ id: job.id, state: "running" }]);
    expect(isErased(await theJob(job.id))).toBe(true);
    await ran;
    await vi.waitFor(async () => expect(await theRow(job.id)).toBeNull());
  });

  it("is finished by the clock for a running job whose run is dead", async () => {
    const job = await storedIn("running");
    await erase(testDeps(), [job]);
    await sweep(testDeps(), true);
    expect(await theRow(job.id)).toMatchObject({ state: "running" });
    await endLease(job.id);
    await sweep(testDeps(), true);
    expect(await theRow(job.id)).toBeNull();
  });

  it("is finished by the clock when R2 was away", async () => {
    const job = await storedJob(promptFor("tokens=10000"));
    await ringFor(testDeps(), job);
    await erase(testDeps({ bucket: brokenBucket() }), [job]);
    expect(isErased(await theJob(job.id))).toBe(true);
    expect(await getJobs(env.DB, [job])).toEqual([]);
    await sweep(testDeps(), true);
    expect(await theRow(job.id)).toBeNull();
    expect((await env.BUCKET.list({ prefix: `${PROJECT}/${job.id}/` })).objects).toEqual([]);
  });

  it("removes what other runs have left, settled or not", async () => {
    const job = await storedIn("completed", { run: 3 });
    for (const key of [`${PROJECT}/${job.id}/1/output`, `unsettled/${PROJECT}/${job.id}/2`]) {
      await env.BUCKET.put(key, "{}");
    }
    await erase(testDeps(), [job]);
    const left = [
      await env.BUCKET.list({ prefix: `${PROJECT}/${job.id}/` }),
      await env.BUCKET.list({ prefix: `unsettled/${PROJECT}/${job.id}` }),
    ];
    expect(left.flatMap(({ objects }) => objects)).toEqual([]);
  });

  it("finds no job that is not there, or is another project's", async () => {
    const job = await storedIn("failed");
    expect(await erase(testDeps(), [missing, { projectId: "other", id: job.id }])).toEqual([]);
    expect(await theRow(job.id)).toMatchObject({ state: "failed", erase_at: null });
  });

  it("lets the same request make a new job under its old key", async () => {
    const job = await storedJob({ idempotency_key: "once", hash: "h" });
    await erase(testDeps(), [job]);
    expect(await storedJob({ idempotency_key: "once", hash: "other" })).toMatchObject({ state: "pending" });
  });
});

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { TIMING } from "../../src/core/limits";
import { sweep } from "../../src/engine/sweep";
import type { Doorbell } from "../../src/env";
import { insertJobs } from "../../src/store/submit";
import { endLease, fallDue, runOut, wake } from "../support/age";
import { movesTold, silentQueue, testDeps } from "../support/deps";
import { aNewJob, PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { changeRow, storedIn, storedJob, theJob, theRow } from "../support/rows";

const bell = (job: { id: string }): Doorbell => ({ p: PROJECT, id: job.id });
const inMs = async (id: string) => Number((await theRow(id))?.wake_at) - Date.now();

beforeEach(async () => {
  await env.DB.exec("DELETE FROM jobs");
});

describe("sweep of pending jobs", () => {
  it("rings for a job that was to start later, once its time has come", async () => {
    const deps = testDeps();
    const job = await storedJob({ delay_ms: 60_000 });
    expect(await sweep(deps, true)).toMatchObject({ looked: 0 });
    expect(deps.rung).toEqual([]);
    await fallDue(job.id);
    expect(await sweep(deps, true)).toMatchObject({ looked: 1 });
    expect(deps.rung).toEqual([bell(job)]);
  });

  it("rings again for a job whose doorbell got lost", async () => {
    const deps = testDeps();
    const job = await storedJob();
    await sweep(deps, true);
    expect(deps.rung).toEqual([]);
    await changeRow(job.id, { run_at: Date.now() - 31_000, wake_at: Date.now() - 1_000 });
    await sweep(deps, true);
    expect(deps.rung).toEqual([bell(job)]);
  });

  it.each([
    ["later the longer a job waits while its queue has work: for the first time", 31_000, 30_000, false],
    ["later the longer a job waits while its queue has work: after two minutes", 120_000, 120_000, false],
    ["later the longer a job waits while its queue has work: after a day", 86_400_000, 900_000, false],
    [
      "soon, however long a job waits, while its queue is empty: its doorbell was lost",
      86_400_000,
      30_000,
      true,
    ],
  ])("looks again %s", async (_when, dueForMs, nextMs, isEmpty) => {
    const job = await storedJob();
    await changeRow(job.id, { run_at: Date.now() - dueForMs, wake_at: Date.now() - 1_000 });
    const jobsQueue = silentQueue([], isEmpty ? null : Date.now() - 10_000);
    await sweep(testDeps({ jobsQueue }), true);
    expect(await inMs(job.id)).toBeGreaterThan(nextMs - 3_000);
    expect(await inMs(job.id)).toBeLessThan(nextMs + 3_000);
  });

  it("looks at a job that waits for its children once a day", async () => {
    const deps = testDeps();
    const job = await storedIn("waiting", { children_total: 1, wake_at: Date.now() - 1_000 });
    await sweep(deps, true);
    expect(await inMs(job.id)).toBeGreaterThan(86_000_000);
    expect(deps.rung).toEqual([]);
  });

  it("does not ring for a job whose doorbell is still in its queue", async () => {
    const rung: Doorbell[] = [];
    const jobsQueue = silentQueue(rung, Date.now() - 60_000);
    const job = await storedJob();
    await changeRow(job.id, { run_at: Date.now() - 31_000, wake_at: Date.now() - 1_000 });
    await sweep(testDeps({ jobsQueue }), true);
    expect(rung).toEqual([]);
    expect(await inMs(job.id)).toBeGreaterThan(20_000);
  });

  it("looks at the queue of the job's own lane", async () => {
    const rung: Doorbell[] = [];
    const full = silentQueue(rung, Date.now() - 60_000);
    const jobs = [await storedJob({ lane: "bulk" }), await storedJob({ lane: "interactive" })];
    for (const { id } of jobs)
      await changeRow(id, { run_at: Date.now() - 31_000, wake_at: Date.now() - 1_000 });
    await sweep(testDeps({ jobsQueue: silentQueue(rung), bulkQueue: full }), true);
    expect(rung.map(({ id }) => id)).toEqual([jobs[1]?.id]);
  });

  it("rings when the backlog is younger than the job, which is not in it", async () => {
    const rung: Doorbell[] = [];
    const jobsQueue = silentQueue(rung, Date.now() - 10_000);
    const job = await storedJob();
    await changeRow(job.id, { run_at: Date.now() - 31_000, wake_at: Date.now() - 1_000 });
    await sweep(testDeps({ jobsQueue }), true);
    expect(rung).toEqual([bell(job)]);
  });

  it("rings for a job for which nobody has rung yet, whatever the backlog", async () => {
    const rung: Doorbell[] = [];
    const jobsQueue = silentQueue(rung, Date.now() - 60_000);
    const delayed = await storedJob({ delay_ms: 60_000 });
    const retrying = await storedJob({}, { reason: "retrying", run: 1, attempt: 1 });
    for (const { id } of [delayed, retrying]) await fallDue(id);
    await sweep(testDeps({ jobsQueue }), true);
    expect(rung).toEqual(expect.arrayContaining([bell(delayed), bell(retrying)]));
  });

  it("rings when a queue does not tell its backlog, and survives that it takes no message", async () => {
    const deps = testDeps({ jobsQueue: silentQueue([], null, true) });
    const job = await storedJob();
    await wake(job.id);
    await sweep(deps, true);
    expect(deps.logs).toContainEqual(expect.objectContaining({ event: "ring_failed" }));
    expect(await inMs(job.id)).toBeGreaterThan(20_000);
  });

  it("fails a job that was not done in time, and says so", async () => {
    const deps = testDeps();
    const jobs = [await storedJob({ expires_in_ms: 60_000 }), await storedIn("waiting")];
    for (const { id } of jobs) await runOut(id);
    await sweep(deps, true);
    for (const { id } of jobs) {
      expect(await theJob(id)).toMatchObject({
        state: "failed",
        error: { code: "expired", retryable: false },
      });
      expect(movesTold(deps, id)).toEqual(["job.failed"]);
    }
    expect(deps.rung).toEqual([]);
  });

  it("does not fail a job as expired that runs", async () => {
    const job = await storedIn("running");
    await runOut(job.id);
    await sweep(testDeps(), true);
    expect(await theJob(job.id)).toMatchObject({ state: "running", run: 1 });
    expect(await inMs(job.id)).toBeGreaterThan(50_000);
  });

  it("looks at everything due, in slices", async () => {
    const jobs = Array.from({ length: 450 }, () => aNewJob());
    await insertJobs(env.DB, PROJECT, jobs, null, TIMING);
    const past = Date.now() - 31_000;
    await env.DB.prepare("UPDATE jobs SET run_at = ?1, wake_at = ?1").bind(past).run();
    const deps = testDeps();
    expect(await sweep(deps, true)).toMatchObject({ looked: 450 });
    expect(new Set(deps.rung.map(({ id }) => id)).size).toBe(450);
  });
});

describe("sweep of running jobs", () => {
  it("looks at a live run again when its lease ends, and leaves it alone", async () => {
    const deps = testDeps();
    const job = await storedIn("running");
    await wake(job.id);
    await sweep(deps, true);
    expect(deps.rung).toEqual([]);
    expect((await theRow(job.id))?.wake_at).toBe(job.leaseUntil);
    expect(await theJob(job.id)).toMatchObject({ state: "running", version: job.version });
  });

  it("rings for a run whose lease has ended, so that a consumer takes it over", async () => {
    const deps = testDeps();
    const job = await storedIn("running");
    await endLease(job.id);
    await sweep(deps, true);
    expect(deps.rung).toEqual([bell(job)]);
    expect(await inMs(job.id)).toBeGreaterThan(20_000);
  });

  it("rings for it even when the queue has a backlog", async () => {
    const rung: Doorbell[] = [];
    const job = await storedIn("running");
    await endLease(job.id);
    await sweep(testDeps({ jobsQueue: silentQueue(rung, 1_000) }), true);
    expect(rung).toEqual([bell(job)]);
  });

  it("gives a job up whose runs have died too often", async () => {
    const deps = testDeps();
    const job = await storedIn("running", { crashes: 3 });
    await endLease(job.id);
    await sweep(deps, true);
    expect(await theJob(job.id)).toMatchObject({ state: "failed", error: { code: "crashed" } });
    expect(movesTold(deps, job.id)).toEqual(["job.failed"]);
    expect(deps.rung).toEqual([]);
  });

  it.each([0, 3])("cancels a dead run that was asked to stop, after %i crashes", async (crashes) => {
    const deps = testDeps();
    const job = await storedIn("running", { cancel_requested_at: 1_000, crashes });
    await endLease(job.id);
    await sweep(deps, true);
    expect(await theJob(job.id)).toMatchObject({ state: "cancelled", error: null });
    expect(movesTold(deps, job.id)).toEqual(["job.cancelled"]);
  });

  it("takes no run for dead while leases cannot be trusted", async () => {
    const deps = testDeps();
    const jobs = [
      await storedIn("running"),
      await storedIn("running", { crashes: 3 }),
      await storedIn("running", { cancel_requested_at: 1_000 }),
    ];
    for (const { id } of jobs) await endLease(id);
    await sweep(deps, false);
    expect(deps.rung).toEqual([]);
    for (const { id } of jobs) {
      expect(await theJob(id)).toMatchObject({ state: "running", run: 1 });
      expect(await inMs(id)).toBeGreaterThan(20_000);
    }
  });
});

describe("what sweep gives back", () => {
  it("says when there is something to do again", async () => {
    await storedJob({ delay_ms: 20_000 });
    await storedJob({ delay_ms: 90_000 });
    const { nextInMs } = await sweep(testDeps(), true);
    expect(nextInMs).toBeGreaterThan(15_000);
    expect(nextInMs).toBeLessThanOrEqual(20_000);
  });

  it("says that nothing is open", async () => {
    await storedIn("completed");
    expect(await sweep(testDeps(), true)).toEqual({ nextInMs: null, looked: 0 });
  });

  it("throws when the database does not answer", async () => {
    const wrapped = wrapDb(env.DB);
    wrapped.fail(1);
    await expect(sweep(testDeps({ db: wrapped.db }), true)).rejects.toMatchObject({
      code: "store_unavailable",
    });
  });

  it("writes nothing when nothing is due", async () => {
    await storedJob({ delay_ms: 20_000 });
    const wrapped = wrapDb(env.DB);
    await sweep(testDeps({ db: wrapped.db }), true);
    expect(wrapped.rowsWritten()).toBe(0);
  });
});

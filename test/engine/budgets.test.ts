import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { Job } from "../../src/core/job";
import { LAST_RING_CHECK_MS, TIMING } from "../../src/core/limits";
import { noteBlocked } from "../../src/engine/blocked";
import { wakeBudgets } from "../../src/engine/budget-wake";
import { sweep } from "../../src/engine/sweep";
import { findBlocks } from "../../src/store/blocks";
import { removeBudget } from "../../src/store/budgets";
import { createKey } from "../../src/store/keys";
import { refuseJobs } from "../../src/store/moves";
import { insertJobs, type NewJob } from "../../src/store/submit";
import { acmeChat, answer, eventStream, textChunk, usageChunk } from "../llm/fake-provider";
import { wake } from "../support/age";
import { clearBudgets, limitTo, theBudget, theWake, turn, wakeAll } from "../support/budgets";
import { movesTold, ringFor, type TestDeps, testDeps } from "../support/deps";
import { aNewJob, anId, PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { changeRow, storedIn, storedJob, theJob, theRow } from "../support/rows";

beforeEach(clearBudgets);

/** A job of the provider's answer: 100 tokens in and 10 out, 110 of 150 reserved; 200 of 300 micro-dollars. */
const costing: Partial<NewJob> = { ...acmeChat, reserve_tokens: 150, reserve_nano_usd: 300_000 };

const calling = () => testDeps({ fetch: async () => answer() });

async function submitted(count: number, over: Partial<NewJob> = {}): Promise<Job[]> {
  const jobs = Array.from({ length: count }, () => aNewJob({ ...costing, ...over }));
  return insertJobs(env.DB, PROJECT, jobs, null, TIMING);
}

/** As many doorbells at a time as a batch of the queue holds, all batches at once. */
async function ringAll(deps: TestDeps, jobs: Pick<Job, "projectId" | "id">[]): Promise<void> {
  const batches = Array.from({ length: Math.ceil(jobs.length / 10) }, (_, i) =>
    jobs.slice(i * 10, i * 10 + 10),
  );
  await Promise.all(batches.map((batch) => ringFor(deps, ...batch)));
}

const take = (deps: TestDeps) => deps.rung.splice(0).map(({ p, id }) => ({ projectId: p, id }));

async function countIn(state: string): Promise<number> {
  const sql = "SELECT COUNT(*) AS count FROM jobs WHERE state = ?1";
  return (await env.DB.prepare(sql).bind(state).first<number>("count")) ?? 0;
}

describe("200 jobs that are rung in parallel under one budget", () => {
  it("overspend it by one reservation at the most, wait for the rest, and all run once it is raised", {
    timeout: 60_000,
  }, async () => {
    const limit = 5_000;
    await limitTo({ tokens_per_day: limit });
    const jobs = await submitted(200);
    await ringAll(calling(), jobs);
    const { spent, reserved } = (await theBudget()).spending.tokens_per_day;
    expect(reserved).toBe(0);
    expect(spent).toBeGreaterThan(0);
    expect(spent).toBeLessThanOrEqual(limit + 150);
    expect(await countIn("completed")).toBe(spent / 110);

    // What the others had reserved has come free: they go on until it is really spent.
    const deps = calling();
    for (let i = 0; i < 20 && (await theBudget()).spending.tokens_per_day.spent < limit; i++) {
      await wakeAll();
      await wakeBudgets(deps);
      await ringAll(deps, take(deps));
    }
    const full = (await theBudget()).spending.tokens_per_day;
    expect(full.spent).toBeGreaterThanOrEqual(limit);
    expect(full.spent).toBeLessThanOrEqual(limit + 150);
    const waiting = (await Promise.all(jobs.map(({ id }) => theJob(id)))).filter(
      ({ state }) => state === "pending",
    );
    expect(waiting).toHaveLength(200 - full.spent / 110);
    const blocks = await findBlocks(env.DB, waiting);
    expect(blocks).toHaveLength(waiting.length);
    for (const block of blocks) expect(block).toMatchObject({ by: "budget", name: "tokens_per_day", limit });

    await limitTo({ tokens_per_day: 1_000_000 });
    await wakeBudgets(deps);
    await ringAll(deps, take(deps));
    expect(await countIn("completed")).toBe(200);
    expect((await theBudget()).spending.tokens_per_day).toMatchObject({ spent: 22_000, reserved: 0 });
  });
});

describe("a job over a budget", () => {
  it.each([
    ["tokens_per_day", 110, "day"],
    ["usd_per_day", 0.0002, "day"],
    ["usd_per_month", 0.0002, "month"],
  ] as const)(
    "waits for %s without an attempt, and resumes when its period turns",
    async (name, limit, period) => {
      await limitTo({ [name]: limit });
      const [first, second] = await submitted(2, { tags: ["a", "b"] });
      if (!first || !second) throw new Error("not stored");
      await ringFor(calling(), first);
      expect((await theBudget()).spending[name]).toMatchObject({ limit, spent: limit, reserved: 0 });
      const [waits] = await ringFor(calling(), second);
      expect(waits).toMatchObject({ state: "pending", run: 0, attempt: 0, version: 1 });
      expect(await findBlocks(env.DB, [second])).toMatchObject([
        { by: "budget", name, limit, spent: limit, keyId: null },
      ]);

      const midnight = new Date().setUTCHours(24, 0, 0, 0);
      expect(await theWake()).toEqual({ wake_at: midnight, position: null });
      const clock = testDeps();
      await wakeAll();
      await sweep(clock, true);
      expect(clock.rung).toEqual([]);

      await turn(period);
      expect((await sweep(clock, true)).looked).toBe(1);
      expect(clock.rung).toEqual([{ p: PROJECT, id: second.id }]);
      expect(await ringFor(calling(), second)).toMatchObject([{ state: "completed" }]);
      await turn(period);
      await sweep(clock, true);
      expect(await theWake()).toEqual({ wake_at: null, position: null });
    },
  );

  it("costs the clock nothing while it waits: it rests, and is looked after again once it is rung", async () => {
    await limitTo({ tokens_per_day: 110 });
    const [first, second] = await submitted(2);
    if (!first || !second) throw new Error("not stored");
    await ringFor(calling(), first);
    await ringFor(calling(), second);
    const restsUntil = Number((await theRow(second.id))?.wake_at);
    expect(restsUntil).toBeGreaterThan(Date.now() + LAST_RING_CHECK_MS);
    const deps = testDeps();
    await turn("day");
    await wakeBudgets(deps);
    expect(Number((await theRow(second.id))?.wake_at)).toBeLessThanOrEqual(Date.now() + TIMING.ringCheckMs);
  });

  it("expires in time all the same", async () => {
    await limitTo({ tokens_per_day: 1 });
    const [first, second] = await submitted(2, { expires_in_ms: 3_600_000 });
    if (!first || !second) throw new Error("not stored");
    await ringFor(calling(), first);
    await ringFor(calling(), second);
    const { wake_at, expires_at } = (await theRow(second.id)) ?? {};
    expect(wake_at).toBe(expires_at);
  });

  it("that is full of reservations only is looked at after half a minute, not at midnight", async () => {
    await limitTo({ tokens_per_day: 100 });
    const running = await storedIn("running", { reserve_tokens: 100, reserved: 1 });
    const [job] = await submitted(1);
    if (!job) throw new Error("not stored");
    const deps = calling();
    await ringFor(deps, job);
    expect(await findBlocks(env.DB, [job])).toMatchObject([{ by: "budget", spent: 0, reserved: 100 }]);
    expect(Number((await theWake())?.wake_at) - Date.now()).toBeLessThanOrEqual(30_000);
    expect(Math.max(...deps.armed)).toBeLessThanOrEqual(30_000);

    // Whichever way it ends, its reservation goes.
    await changeRow(running.id, { state: "failed", wake_at: null });
    await wakeAll();
    await wakeBudgets(deps);
    expect(take(deps)).toEqual([{ projectId: PROJECT, id: job.id }]);
  });

  it("is rung in the order of submits, no more of them than there is room for", async () => {
    await limitTo({ tokens_per_day: 400 });
    const jobs = await submitted(10);
    const deps = testDeps();
    await wakeBudgets(deps);
    expect(take(deps).map(({ id }) => id)).toEqual(jobs.slice(0, 3).map(({ id }) => id));
    await wakeAll();
    await wakeBudgets(deps);
    expect(take(deps).map(({ id }) => id)).toEqual(jobs.slice(3, 6).map(({ id }) => id));
  });

  it("whose reservation came free between the doorbell and the look at what was in its way is rung soon", async () => {
    await limitTo({ tokens_per_day: 1_000 });
    await env.DB.exec("UPDATE budgets SET wake_at = NULL, position = NULL");
    const [job] = await submitted(1);
    if (!job) throw new Error("not stored");
    const deps = testDeps();
    expect(await noteBlocked(deps, [job])).toEqual([]);
    expect(await theWake()).toMatchObject({ position: "" });
    expect(deps.armed[0]).toBeLessThanOrEqual(5_000);
    await wakeAll();
    await wakeBudgets(deps);
    expect(take(deps)).toEqual([{ projectId: PROJECT, id: job.id }]);
  });

  it("is woken in the end, though the budget is used up again and again while its jobs are being rung", async () => {
    await limitTo({ tokens_per_day: 300 });
    const jobs = await submitted(6);
    const deps = calling();
    await wakeBudgets(deps);
    await ringAll(deps, jobs);
    for (let i = 0; i < 10; i++) {
      await turn("day");
      await wakeBudgets(deps);
      await ringAll(deps, take(deps));
    }
    expect(await countIn("completed")).toBe(6);
  });

  it("goes on when the budget is taken away, and nothing is left of that", async () => {
    await limitTo({ tokens_per_day: 1 });
    const jobs = await submitted(3);
    const deps = calling();
    for (const job of jobs) await ringFor(deps, job);
    expect(await countIn("completed")).toBe(1);
    expect(await removeBudget(env.DB, { projectId: PROJECT, keyId: null })).toBe(true);
    await wakeBudgets(deps);
    await ringAll(deps, take(deps));
    expect(await countIn("completed")).toBe(3);
    await wakeAll();
    await wakeBudgets(deps);
    expect(await theWake()).toBeNull();
  });

  it("is told apart from one that is paused, or whose concurrency key is taken", async () => {
    await limitTo({ tokens_per_day: 1 });
    const [first] = await submitted(1);
    if (first) await ringFor(calling(), first);
    await env.DB.exec("INSERT INTO pauses VALUES ('default', 'task', 'generate', 'pau_1', 1)");
    await storedJob({ concurrency_key: "k", concurrency_limit: 1 }, { state: "running" });
    const job = await storedJob({ ...costing, concurrency_key: "k", concurrency_limit: 1 });
    const later = await storedJob({ ...costing, delay_ms: 60_000 });
    const blocks = await findBlocks(env.DB, [job, later]);
    await env.DB.exec("DELETE FROM pauses");
    expect(blocks).toMatchObject([
      { id: job.id, by: "budget", name: "tokens_per_day" },
      { id: job.id, by: "concurrency", key: "k", limit: 1, running: 1 },
      { id: job.id, by: "paused", scope: "task", name: "generate" },
    ]);
  });
});

describe("a job with on_budget: fail", () => {
  it("fails at once with the numbers, and tells it", async () => {
    await limitTo({ usd_per_day: 0.0002 });
    const [first] = await submitted(1);
    if (first) await ringFor(calling(), first);
    const [job] = await submitted(1, { on_budget: "fail" });
    if (!job) throw new Error("not stored");
    const deps = calling();
    const [failed] = await ringFor(deps, job);
    expect(failed).toMatchObject({
      state: "failed",
      attempt: 0,
      error: { code: "budget_exceeded", retryable: false },
    });
    expect(failed?.error?.message).toContain("usd_per_day): 0.0002 are allowed, 0.0002 are spent");
    expect(failed?.fingerprint).toMatch(/^[0-9a-f]{16}$/);
    expect(movesTold(deps, job.id)).toEqual(["job.failed"]);
  });

  it("runs like any other while there is room", async () => {
    await limitTo({ tokens_per_day: 1_000 });
    const [job] = await submitted(1, { on_budget: "fail" });
    if (!job) throw new Error("not stored");
    expect(await ringFor(calling(), job)).toMatchObject([{ state: "completed" }]);
  });

  it("is never ended for a budget that has room, nor one that wants to wait for its own", async () => {
    const error = { json: "{}", fingerprint: "0" };
    await limitTo({ tokens_per_day: 1 });
    const fails = await storedJob({ ...costing, on_budget: "fail" });
    const waits = await storedJob(costing);
    expect(await refuseJobs(env.DB, [{ ...fails, error }])).toEqual([]);
    await ringFor(calling(), await storedJob(costing));
    expect(await refuseJobs(env.DB, [{ ...waits, error }])).toEqual([]);
    expect(await refuseJobs(env.DB, [{ ...fails, error }])).toMatchObject([{ id: fails.id }]);
  });

  it("does not fail before its time has come", async () => {
    await limitTo({ tokens_per_day: 1 });
    const [first] = await submitted(1);
    if (first) await ringFor(calling(), first);
    const [job] = await submitted(1, { on_budget: "fail", delay_ms: 60_000 });
    if (!job) throw new Error("not stored");
    expect(await ringFor(calling(), job)).toMatchObject([{ state: "pending" }]);
  });
});

describe("the budget of a key", () => {
  it("is spent by the jobs of that key, and stops no others", async () => {
    const id = anId("key");
    const key = { projectId: PROJECT, id, name: null, hint: "0000", scopes: ["admin" as const] };
    await createKey(env.DB, key, id);
    const ofKey = { projectId: PROJECT, keyId: id };
    await limitTo({ tokens_per_day: 1 }, ofKey);
    const [own, next] = await submitted(2, { key_id: id });
    const [other] = await submitted(1, { key_id: "key_other" });
    const [root] = await submitted(1);
    if (!own || !next || !other || !root) throw new Error("not stored");
    for (const job of [other, root])
      expect(await ringFor(calling(), job)).toMatchObject([{ state: "completed" }]);
    expect((await theBudget(ofKey)).spending.tokens_per_day.spent).toBe(0);
    expect(await ringFor(calling(), own)).toMatchObject([{ state: "completed" }]);
    expect(await ringFor(calling(), next)).toMatchObject([{ state: "pending" }]);
    expect(await findBlocks(env.DB, [next])).toMatchObject([{ by: "budget", keyId: id, spent: 110 }]);
    expect(await theWake(ofKey)).toMatchObject({ wake_at: expect.any(Number) });
  });
});

describe("what a budget costs", () => {
  it("is, of rows written, one for a job that runs, and two for one that has to wait: once, however long", async () => {
    await limitTo({ tokens_per_day: 110 });
    const [first, second] = await submitted(2);
    if (!first || !second) throw new Error("not stored");
    const written = async (job: Job) => {
      const wrapped = wrapDb(env.DB);
      await ringFor(testDeps({ db: wrapped.db, fetch: async () => answer() }), job);
      return wrapped.rowsWritten();
    };
    // Four without: claim, end, ledger, the sum of its day.
    expect(await written(first)).toBe(4 + 1);
    // The row and its place in the clock's index; and for the first to wait the budget's own two.
    expect(await written(second)).toBe(2 + 2);
    for (let i = 0; i < 3; i++) expect(await written(second)).toBe(0);
  });
});

describe("runs that were under way when a budget was set", () => {
  it("are counted from then on", async () => {
    const running = await storedJob({ ...costing }, { state: "running", lease_until: Date.now() + 60_000 });
    await limitTo({ tokens_per_day: 1_000 });
    expect((await theBudget()).spending.tokens_per_day).toMatchObject({ spent: 0, reserved: 150 });
    await wake(running.id);
  });
});

describe("a provider that uses more than was reserved", () => {
  it("overspends by that much, and nothing starts after it", async () => {
    await limitTo({ tokens_per_day: 200 });
    const [first, second] = await submitted(2);
    if (!first || !second) throw new Error("not stored");
    const much = eventStream([
      textChunk("x", "stop"),
      usageChunk({ prompt_tokens: 900, completion_tokens: 100 }),
    ]);
    await ringFor(testDeps({ fetch: async () => much }), first);
    expect((await theBudget()).spending.tokens_per_day.spent).toBe(1_000);
    expect(await ringFor(calling(), second)).toMatchObject([{ state: "pending" }]);
  });
});

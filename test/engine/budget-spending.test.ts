// What counts against a budget: what its own jobs have used and reserved, however many run at a time.

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { wakeBudgets } from "../../src/engine/budget-wake";
import { findBlocks } from "../../src/store/blocks";
import { createKey } from "../../src/store/keys";
import { eventStream, textChunk, usageChunk } from "../llm/fake-provider";
import { wake } from "../support/age";
import { calling, costing, ringAll, submitted } from "../support/budgeted-jobs";
import { clearBudgets, limitTo, theBudget, theWake, wakeAll } from "../support/budgets";
import { ringFor, takeRungJobs, testDeps } from "../support/deps";
import { anId, PROJECT } from "../support/factory";
import { countIn, storedJob, theJob } from "../support/rows";

beforeEach(clearBudgets);

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
      await ringAll(deps, takeRungJobs(deps));
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
    await ringAll(deps, takeRungJobs(deps));
    expect(await countIn("completed")).toBe(200);
    expect((await theBudget()).spending.tokens_per_day).toMatchObject({ spent: 22_000, reserved: 0 });
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

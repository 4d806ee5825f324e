// A job over a budget: it waits without an attempt until its period turns, expires in time, and says what it waits for.

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { sweep } from "../../src/engine/sweep";
import { findBlocks } from "../../src/store/blocks";
import { calling, costing, submitted } from "../support/budgeted-jobs";
import { clearBudgets, limitTo, theBudget, theWake, turn, wakeAll } from "../support/budgets";
import { ringFor, testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import { storedJob, theRow } from "../support/rows";

beforeEach(clearBudgets);

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

  it("expires in time all the same", async () => {
    await limitTo({ tokens_per_day: 1 });
    const [first, second] = await submitted(2, { expires_in_ms: 3_600_000 });
    if (!first || !second) throw new Error("not stored");
    await ringFor(calling(), first);
    await ringFor(calling(), second);
    const { wake_at, expires_at } = (await theRow(second.id)) ?? {};
    expect(wake_at).toBe(expires_at);
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

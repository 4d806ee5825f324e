// What a budget costs: rows written, and looks of the clock.

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { Job } from "../../src/core/job";
import { LAST_RING_CHECK_MS, TIMING } from "../../src/core/limits";
import { wakeBudgets } from "../../src/engine/budget-wake";
import { answer } from "../llm/fake-provider";
import { calling, submitted } from "../support/budgeted-jobs";
import { clearBudgets, limitTo, turn } from "../support/budgets";
import { ringFor, testDeps } from "../support/deps";
import { wrapDb } from "../support/faulty-db";
import { theRow } from "../support/rows";

beforeEach(clearBudgets);

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

describe("a job over a budget", () => {
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
});

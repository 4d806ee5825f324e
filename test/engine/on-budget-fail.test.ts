// A job that would rather fail than wait for a budget fails for want of room, and for nothing else.

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { refuseJobs } from "../../src/store/moves";
import { calling, costing, submitted } from "../support/budgeted-jobs";
import { clearBudgets, limitTo } from "../support/budgets";
import { movesTold, ringFor } from "../support/deps";
import { storedJob } from "../support/rows";

beforeEach(clearBudgets);

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

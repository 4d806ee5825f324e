// Jobs that wait for a budget are rung once it has room: in order, no more than fit, and all of them in the end.

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { noteBlocked } from "../../src/engine/blocked";
import { wakeBudgets } from "../../src/engine/budget-wake";
import { findBlocks } from "../../src/store/blocks";
import { removeBudget } from "../../src/store/budgets";
import { calling, ringAll, submitted } from "../support/budgeted-jobs";
import { clearBudgets, limitTo, theWake, turn, wakeAll } from "../support/budgets";
import { ringFor, takeRungJobs, testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import { changeRow, countIn, storedIn } from "../support/rows";

beforeEach(clearBudgets);

describe("a job over a budget", () => {
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
    expect(takeRungJobs(deps)).toEqual([{ projectId: PROJECT, id: job.id }]);
  });

  it("is rung in the order of submits, no more of them than there is room for", async () => {
    await limitTo({ tokens_per_day: 400 });
    const jobs = await submitted(10);
    const deps = testDeps();
    await wakeBudgets(deps);
    expect(takeRungJobs(deps).map(({ id }) => id)).toEqual(jobs.slice(0, 3).map(({ id }) => id));
    await wakeAll();
    await wakeBudgets(deps);
    expect(takeRungJobs(deps).map(({ id }) => id)).toEqual(jobs.slice(3, 6).map(({ id }) => id));
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
    expect(takeRungJobs(deps)).toEqual([{ projectId: PROJECT, id: job.id }]);
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
      await ringAll(deps, takeRungJobs(deps));
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
    await ringAll(deps, takeRungJobs(deps));
    expect(await countIn("completed")).toBe(3);
    await wakeAll();
    await wakeBudgets(deps);
    expect(await theWake()).toBeNull();
  });
});

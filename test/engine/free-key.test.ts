// A concurrency key goes to the next in line as soon as its holder does not need it any more, however that came.

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { WholeJob } from "../../src/core/job";
import { TIMING } from "../../src/core/limits";
import { answerDoorbells } from "../../src/engine/answer";
import { cancelAll } from "../../src/engine/cancel";
import { erase } from "../../src/engine/erase";
import { runBatch } from "../../src/engine/run-batch";
import { sweep } from "../../src/engine/sweep";
import { endLease, fallDue, runOut } from "../support/age";
import { promptFor, type TestDeps, takeRungIds, testDeps } from "../support/deps";
import { wrapDb } from "../support/faulty-db";
import { bell, clearJobs, finishRun, holder, keyed } from "../support/keyed-jobs";
import { changeRow, storedJob, theJob } from "../support/rows";

beforeEach(clearJobs);

describe("a concurrency key", () => {
  it("lets a line of jobs run one after the other by their ends alone, the highest priority first", async () => {
    const deps = testDeps();
    const jobs = [];
    for (const priority of [0, -5, 9, 0, 3]) jobs.push(await storedJob(keyed({ priority })));
    const order: number[] = [];
    let bells = jobs.map(bell);
    while (bells.length > 0) {
      const answer = await answerDoorbells(deps, bells);
      expect(answer.jobs.length).toBeLessThanOrEqual(1);
      order.push(...answer.jobs.map(({ priority }) => priority));
      await runBatch(deps, answer);
      await deps.backgroundDone();
      bells = deps.rung.splice(0);
    }
    expect(order).toEqual([9, 3, 0, 0, -5]);
    for (const { id } of jobs) expect(await theJob(id)).toMatchObject({ state: "completed", run: 1 });
  });

  const ENDS: [string, string, (deps: TestDeps, job: WholeJob) => Promise<unknown>][] = [
    ["completes", "", finishRun],
    ["fails", "status=400", finishRun],
    ["is to be tried again later", "status=503", finishRun],
    [
      "is cancelled",
      "tokens=600,tps=100",
      async (deps, job) => {
        await cancelAll(deps, [job]);
        await finishRun(deps, job);
      },
    ],
    [
      "is erased",
      "tokens=600,tps=100",
      async (deps, job) => {
        await erase(deps, [job]);
        await finishRun(deps, job);
      },
    ],
    [
      "dies for the last time",
      "",
      async (deps, job) => {
        await changeRow(job.id, { crashes: TIMING.maxCrashes - 1 });
        await endLease(job.id);
        await sweep(deps, true);
      },
    ],
    [
      "dies after it was asked to stop",
      "",
      async (deps, job) => {
        await cancelAll(deps, [job]);
        await endLease(job.id);
        await sweep(deps, true);
      },
    ],
  ];

  it.each(ENDS)("is free for the next at once when its run %s", async (_how, options, end) => {
    const deps = testDeps();
    const first = await holder(deps, promptFor(options));
    const next = await storedJob(keyed());
    expect((await answerDoorbells(deps, [bell(next)])).jobs).toEqual([]);
    await deps.backgroundDone();
    takeRungIds(deps);
    await end(deps, first);
    await deps.backgroundDone();
    expect(takeRungIds(deps)).toEqual([next.id]);
    expect((await answerDoorbells(deps, [bell(next)])).jobs).toMatchObject([{ id: next.id }]);
  });

  it("is held by a run that has died until somebody takes it over, and not by two", async () => {
    const deps = testDeps();
    const first = await holder(deps);
    const next = await storedJob(keyed());
    await endLease(first.id);
    const { jobs, suspects } = await answerDoorbells(deps, [bell(next), bell(first)]);
    expect([jobs.map(({ id }) => id), suspects.map(({ id }) => id)]).toEqual([[], [first.id]]);
    await runBatch(deps, { jobs, suspects });
    await deps.backgroundDone();
    expect(await theJob(first.id)).toMatchObject({ state: "completed", run: 2 });
    expect(takeRungIds(deps)).toEqual([next.id]);
  });

  it.each([
    ["is cancelled", (deps: TestDeps, job: WholeJob) => cancelAll(deps, [job])],
    [
      "expires",
      async (deps: TestDeps, job: WholeJob) => {
        await runOut(job.id);
        await sweep(deps, true);
      },
    ],
  ])("goes to the next when the job that was rung for it %s before it starts", async (_how, end) => {
    const deps = testDeps();
    const [chosen, next] = [await storedJob(keyed({ priority: 1 })), await storedJob(keyed())];
    await end(deps, chosen);
    await deps.backgroundDone();
    expect(takeRungIds(deps)).toEqual([next.id]);
  });

  it("costs one call for all the runs that the clock ends, and none for jobs without one", async () => {
    const wrapped = wrapDb(env.DB);
    const deps = testDeps({ db: wrapped.db });
    for (let i = 0; i < 4; i++) {
      const run = await holder(deps, { concurrency_key: `k-${i % 2}`, concurrency_limit: 2 });
      await changeRow(run.id, { crashes: TIMING.maxCrashes - 1 });
      await endLease(run.id);
    }
    const asked = () => wrapped.calls.filter(({ sqls }) => sqls.some((sql) => sql.includes("WITH held")));
    await sweep(deps, true);
    await deps.backgroundDone();
    expect(asked().map(({ sqls }) => sqls.length)).toEqual([2]);
    const { jobs } = await answerDoorbells(deps, [bell(await storedJob(promptFor("")))]);
    await finishRun(deps, jobs[0] as WholeJob);
    expect(asked()).toHaveLength(1);
  });

  it("that could not be looked up leaves the next to the clock", async () => {
    const wrapped = wrapDb(env.DB);
    const deps = testDeps({ db: wrapped.db });
    const first = await holder(deps);
    const next = await storedJob(keyed());
    wrapped.fail(1, "WITH held");
    await finishRun(deps, first);
    expect(takeRungIds(deps)).toEqual([]);
    expect(deps.logs).toContainEqual(expect.objectContaining({ event: "key_not_freed" }));
    await fallDue(next.id);
    await sweep(deps, true);
    expect(takeRungIds(deps)).toEqual([next.id]);
  });
});

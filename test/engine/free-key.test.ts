import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { WholeJob } from "../../src/core/job";
import { TIMING } from "../../src/core/limits";
import { again, done } from "../../src/core/outcome";
import { answerDoorbells } from "../../src/engine/answer";
import { cancelAll } from "../../src/engine/cancel";
import { enqueue } from "../../src/engine/enqueue";
import { erase } from "../../src/engine/erase";
import { pause } from "../../src/engine/pause";
import { retry } from "../../src/engine/retry";
import { runBatch } from "../../src/engine/run-batch";
import { sweep } from "../../src/engine/sweep";
import { insertJobs, type NewJob } from "../../src/store/submit";
import { defineTask, type Task } from "../../src/tasks/define";
import { tasks } from "../../src/tasks/index";
import { endLease, fallDue, runOut } from "../support/age";
import { promptFor, type TestDeps, testDeps } from "../support/deps";
import { aNewJob, PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { changeRow, storedJob, theJob } from "../support/rows";

const keyed = (over: Partial<NewJob> = {}): Partial<NewJob> => ({
  ...promptFor(""),
  concurrency_key: "customer-7",
  concurrency_limit: 1,
  ...over,
});

const bell = (job: { id: string; projectId?: string }) => ({ p: job.projectId ?? PROJECT, id: job.id });

/** What was rung since this was asked last. */
const takeRung = (deps: TestDeps) => deps.rung.splice(0).map(({ id }) => id);

/** A job that holds its key, claimed by a doorbell and not yet run. */
async function holder(deps: TestDeps, over: Partial<NewJob> = {}): Promise<WholeJob> {
  const { jobs } = await answerDoorbells(deps, [bell(await storedJob(keyed(over)))]);
  if (!jobs[0]) throw new Error("not claimed");
  return jobs[0];
}

async function finishRun(deps: TestDeps, job: WholeJob): Promise<void> {
  await runBatch(deps, { jobs: [job], suspects: [] });
  await deps.backgroundDone();
}

beforeEach(async () => {
  await env.DB.batch(["jobs", "pauses"].map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
});

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
    takeRung(deps);
    await end(deps, first);
    await deps.backgroundDone();
    expect(takeRung(deps)).toEqual([next.id]);
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
    expect(takeRung(deps)).toEqual([next.id]);
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
    expect(takeRung(deps)).toEqual([next.id]);
  });

  it("rings for as many as there are places, each by its own limit", async () => {
    const deps = testDeps();
    const wide = { concurrency_limit: 3 };
    const runs = [];
    for (let i = 0; i < 3; i++) runs.push(await holder(deps, wide));
    const narrow = await storedJob(keyed({ concurrency_limit: 1, priority: 9 }));
    const others = [await storedJob(keyed(wide)), await storedJob(keyed(wide)), await storedJob(keyed(wide))];
    const [first, second, third] = runs;
    if (!first || !second || !third) throw new Error("no runs");
    await finishRun(deps, first);
    expect(takeRung(deps)).toEqual([others[0]?.id]);
    await finishRun(deps, second);
    expect(takeRung(deps)).toEqual([others[0]?.id, others[1]?.id]);
    await finishRun(deps, third);
    expect(takeRung(deps)).toEqual([narrow.id, others[0]?.id, others[1]?.id]);
    const { jobs } = await answerDoorbells(deps, [narrow, ...others].map(bell));
    expect(jobs.map(({ id }) => id)).toEqual([narrow.id, others[0]?.id, others[1]?.id]);
  });

  it("goes past any number of jobs whose own limit is reached", async () => {
    const deps = testDeps();
    const wide = { concurrency_limit: 2 };
    const [first] = [await holder(deps, wide), await holder(deps, wide)];
    const narrow = Array.from({ length: 120 }, () => aNewJob(keyed({ priority: 9 })));
    await insertJobs(env.DB, PROJECT, narrow, null, TIMING);
    const next = await storedJob(keyed(wide));
    await finishRun(deps, first);
    expect(takeRung(deps)).toEqual([next.id]);
  });

  it("rings for none that may not start: not due, paused, or with another key", async () => {
    const deps = testDeps();
    const first = await holder(deps);
    await storedJob(keyed({ priority: 5, delay_ms: 60_000 }));
    await storedJob(keyed({ priority: 5, task: "embed", model: "sandbox/embedding" }));
    await storedJob(keyed({ priority: 5, concurrency_key: "customer-8" }));
    const next = await storedJob(keyed());
    await pause(deps, { projectId: PROJECT, task: "embed" });
    await finishRun(deps, first);
    expect(takeRung(deps)).toEqual([next.id]);
  });

  it("is one in each project", async () => {
    const deps = testDeps();
    await holder(deps);
    const foreign = aNewJob(keyed());
    await insertJobs(env.DB, "other", [foreign], null, TIMING);
    const answer = await answerDoorbells(deps, [{ p: "other", id: foreign.id }]);
    expect(answer.jobs).toMatchObject([{ id: foreign.id }]);
    const waiting = await storedJob(keyed());
    await runBatch(deps, answer);
    await deps.backgroundDone();
    expect(takeRung(deps)).not.toContain(waiting.id);
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
    expect(takeRung(deps)).toEqual([]);
    expect(deps.logs).toContainEqual(expect.objectContaining({ event: "key_not_freed" }));
    await fallDue(next.id);
    await sweep(deps, true);
    expect(takeRung(deps)).toEqual([next.id]);
  });
});

describe("a job keeps its key", () => {
  const concurrency = { key: "customer-7", limit: 1 };

  it("when it is run again after a failure, and when it is submitted anew after its completion", async () => {
    const deps = testDeps();
    const failed = await holder(deps, promptFor("status=400"));
    await finishRun(deps, failed);
    expect(await retry(deps, failed)).toMatchObject({ id: failed.id, state: "pending", concurrency });
    await env.DB.exec("DELETE FROM jobs");
    const completed = await holder(deps);
    await finishRun(deps, completed);
    expect(await retry(deps, completed)).toMatchObject({ rerunOf: completed.id, concurrency });
  });
});

describe("the key of a task", () => {
  const input = z.strictObject({ customer: z.string(), turns: z.int() });
  let ofTask: Task[];

  /** Goes on for as many turns as it is told. */
  const sync = defineTask<z.infer<typeof input>, string>({
    name: "sync",
    description: "A task of this test.",
    kind: null,
    input,
    output: z.string(),
    concurrency: ({ customer }) => ({ key: customer, limit: 1 }),
    defaults: { max_attempts: 3, timeout_s: 60 },
    run: async ({ turns }, { state }) => {
      const turn = Number(state ?? 0);
      return turn < turns ? again(turn + 1) : done("ok");
    },
  });

  beforeEach(() => {
    ofTask = tasks as Task[];
    ofTask.push(sync as Task);
  });

  afterEach(() => void ofTask.pop());

  const submit = async (deps: TestDeps, customer: string, over: object = {}) => {
    const request = { task: "sync", input: { customer, turns: 0 }, ...over };
    const [made] = await enqueue(deps, { projectId: PROJECT, jobs: [request] });
    if (!made) throw new Error("no job");
    return made.job;
  };

  it("is taken for a job that names none, and gives way to the job's own", async () => {
    const deps = testDeps();
    expect(await submit(deps, "acme")).toMatchObject({ concurrency: { key: "acme", limit: 1 } });
    const own = { key: "document-1", limit: 5 };
    expect(await submit(deps, "acme", { concurrency: own })).toMatchObject({ concurrency: own });
  });

  it("holds its jobs apart, and is given to the next between two turns", async () => {
    const deps = testDeps();
    const long = await submit(deps, "acme", { input: { customer: "acme", turns: 2 } });
    const short = await submit(deps, "acme");
    const other = await submit(deps, "zenith");
    takeRung(deps);
    const answer = await answerDoorbells(deps, [long, short, other].map(bell));
    expect(answer.jobs.map(({ id }) => id)).toEqual([long.id, other.id]);
    await runBatch(deps, answer);
    await deps.backgroundDone();
    expect(await theJob(long.id)).toMatchObject({
      state: "pending",
      turns: 1,
      concurrency: { key: "acme", limit: 1 },
    });
    expect(takeRung(deps)).toEqual([short.id]);
  });
});

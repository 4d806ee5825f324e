// Where a job has its concurrency key from: from itself, from its task, or from the job that it repeats.

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { again, done } from "../../src/core/outcome";
import { answerDoorbells } from "../../src/engine/answer";
import { enqueue } from "../../src/engine/enqueue";
import { retry } from "../../src/engine/retry";
import { runBatch } from "../../src/engine/run-batch";
import { defineTask, type Task } from "../../src/tasks/define";
import { tasks } from "../../src/tasks/index";
import { promptFor, type TestDeps, takeRungIds, testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import { bell, clearJobs, finishRun, holder } from "../support/keyed-jobs";
import { theJob } from "../support/rows";

beforeEach(clearJobs);

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
    takeRungIds(deps);
    const answer = await answerDoorbells(deps, [long, short, other].map(bell));
    expect(answer.jobs.map(({ id }) => id)).toEqual([long.id, other.id]);
    await runBatch(deps, answer);
    await deps.backgroundDone();
    expect(await theJob(long.id)).toMatchObject({
      state: "pending",
      turns: 1,
      concurrency: { key: "acme", limit: 1 },
    });
    expect(takeRungIds(deps)).toEqual([short.id]);
  });
});

// Who is rung for a free concurrency key: those who may start, each by its own limit, in its own project.

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { TIMING } from "../../src/core/limits";
import { answerDoorbells } from "../../src/engine/answer";
import { pause } from "../../src/engine/pause";
import { runBatch } from "../../src/engine/run-batch";
import { insertJobs } from "../../src/store/submit";
import { takeRungIds, testDeps } from "../support/deps";
import { aNewJob, PROJECT } from "../support/factory";
import { bell, clearJobs, finishRun, holder, keyed } from "../support/keyed-jobs";
import { storedJob } from "../support/rows";

beforeEach(clearJobs);

describe("a concurrency key", () => {
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
    expect(takeRungIds(deps)).toEqual([others[0]?.id]);
    await finishRun(deps, second);
    expect(takeRungIds(deps)).toEqual([others[0]?.id, others[1]?.id]);
    await finishRun(deps, third);
    expect(takeRungIds(deps)).toEqual([narrow.id, others[0]?.id, others[1]?.id]);
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
    expect(takeRungIds(deps)).toEqual([next.id]);
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
    expect(takeRungIds(deps)).toEqual([next.id]);
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
    expect(takeRungIds(deps)).not.toContain(waiting.id);
  });
});

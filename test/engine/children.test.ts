import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { childId, MAX_CHILDREN, MAX_DEPTH } from "../../src/core/children";
import { wait } from "../../src/core/outcome";
import { answerDoorbells } from "../../src/engine/answer";
import { cancelAll } from "../../src/engine/cancel";
import { erase } from "../../src/engine/erase";
import { retry } from "../../src/engine/retry";
import { runBatch } from "../../src/engine/run-batch";
import { settle } from "../../src/engine/settle";
import { listJobs } from "../../src/store/job-list";
import { movesTold, ringFor, takeRungIds, testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import {
  leaves,
  leavesRun,
  runFamily,
  runRung,
  spoiledLeaves,
  storedFamily,
  withFamilies,
} from "../support/families";
import { claimOne } from "../support/moves";
import { changeRow, theJob, theRow } from "../support/rows";

withFamilies();

const outputOf = (job: { output: string | null }) => JSON.parse(job.output ?? "null");
const child = (parent: { id: string }, index: number) => theJob(childId(parent.id, index));

/** A parent whose children are there, and not yet run. */
async function waitingFamily(deps = testDeps(), ...words: string[]) {
  const parent = await storedFamily({ children: leaves(...words) });
  const { jobs } = await answerDoorbells(deps, [{ p: PROJECT, id: parent.id }]);
  const [job] = jobs;
  if (!job) throw new Error("not claimed");
  const made = words.map((say) => ({ task: "leaf", input: { say } }));
  const end = {
    result: { ok: true as const, outcome: wait(made, { state: 1 }) },
    usage: null,
    progress: null,
    startedAt: 0,
    run: 1,
  };
  return { job, end, settled: await settle(deps, job, end) };
}

describe("a job that waits for children", () => {
  it("goes on with what they have done, in the order in which it made them", async () => {
    const deps = testDeps();
    const parent = await runFamily(deps, await storedFamily({ children: leaves("a", "b", "c") }));
    expect(parent).toMatchObject({ state: "completed", attempt: 1, run: 2 });
    expect(outputOf(parent)).toEqual({ said: ["a", "b", "c"], open: 0 });
    // Children that end side by side may tell the same news of their parent twice.
    const told = movesTold(deps, parent.id).filter((move, i, all) => move !== all[i - 1]);
    expect(told).toEqual(["job.started", "job.waiting", "job.continuing", "job.started", "job.completed"]);
  });

  it("counts them as they end, with what they have used, and is not run meanwhile", async () => {
    const deps = testDeps();
    const { job } = await waitingFamily(deps, "a", "b");
    await deps.backgroundDone();
    await changeRow(childId(job.id, 0), { usage: '{"input_tokens":3,"output_tokens":4,"cost_usd":0.25}' });
    await changeRow(childId(job.id, 0), { state: "completed" });
    expect(await theJob(job.id)).toMatchObject({
      state: "waiting",
      children: { total: 2, completed: 1, failed: 0, inputTokens: 3, outputTokens: 4, nanoUsd: 250_000_000 },
    });
    expect((await answerDoorbells(deps, [{ p: PROJECT, id: job.id }])).jobs).toEqual([]);
  });

  it("goes on at once when there is nothing to wait for", async () => {
    const parent = await runFamily(testDeps(), await storedFamily({ children: [] }));
    expect(parent).toMatchObject({ state: "completed", children: null });
  });

  it("makes them once, though the database's answer was lost and the run is settled again", async () => {
    const deps = testDeps();
    const { job, end } = await waitingFamily(deps, "a", "b");
    expect(await settle(deps, job, end)).toMatchObject({ state: "waiting", children: { total: 2 } });
    const page = await listJobs(env.DB, PROJECT, { parent: job.id }, 10, null);
    expect(page.jobs.map(({ id }) => id)).toEqual([childId(job.id, 1), childId(job.id, 0)]);
  });

  it("makes none when its run has lost the job, or was asked to stop", async () => {
    const deps = testDeps();
    const job = await claimOne({ ...(await storedFamily({ children: [] })), run: 0 });
    if (!job) throw new Error("not claimed");
    const end = {
      result: { ok: true as const, outcome: wait([{ task: "leaf", input: { say: "a" } }]) },
      usage: null,
      progress: null,
      startedAt: 0,
      run: 1,
    };
    await cancelAll(deps, [job]);
    expect(await settle(deps, job, end)).toMatchObject({ state: "cancelled", children: null });
    await changeRow(job.id, { state: "running", cancel_requested_at: null, run: 2 });
    expect(await settle(deps, job, end)).toBeNull();
    expect((await listJobs(env.DB, PROJECT, { parent: job.id }, 10, null)).jobs).toEqual([]);
  });

  it("gives them its lane, its tags and its key, and stands above them", async () => {
    const deps = testDeps();
    const parent = await storedFamily({ children: leaves("a") });
    await changeRow(parent.id, {
      lane: "bulk",
      tags: '["t"]',
      key_id: "key_1",
      fair_key: "u",
      on_budget: "fail",
    });
    await runFamily(deps, parent);
    expect(await child(parent, 0)).toMatchObject({
      ...{ parentId: parent.id, depth: 1, customId: "c0", lane: "bulk", tags: ["t"] },
      ...{ keyId: "key_1", fairKey: "u", onBudget: "fail", channel: null },
    });
  });

  it("fails with clear words when it wants too many children, or nests them too deep", async () => {
    const many = await storedFamily({ children: leaves("a", "b") });
    await changeRow(many.id, { children_total: MAX_CHILDREN - 1, children_completed: MAX_CHILDREN - 1 });
    expect(await runFamily(testDeps(), many)).toMatchObject({
      error: { code: "children_exceeded", message: expect.stringContaining("100001 children") },
    });
    const deep = await storedFamily({ children: leaves("a") });
    await changeRow(deep.id, { depth: MAX_DEPTH });
    expect(await runFamily(testDeps(), deep)).toMatchObject({
      error: { code: "children_exceeded", message: expect.stringContaining("4 deep") },
    });
  });

  it("may have children that have children", async () => {
    const inner = { children: leaves("x", "y") };
    const parent = await runFamily(
      testDeps(),
      await storedFamily({ task: "family", children: [inner, inner] }),
    );
    expect(parent).toMatchObject({ state: "completed", children: { total: 2, completed: 2 } });
    expect(await child(parent, 1)).toMatchObject({
      state: "completed",
      depth: 1,
      children: { completed: 2 },
    });
  });
});

describe("a child that does not complete", () => {
  const bad = [{ say: "a" }, { say: "b", fails: true }, { say: "c" }];

  it("fails its parent, which names it, and nothing of the others is started any more", async () => {
    const deps = testDeps();
    const parent = await storedFamily({ children: [...bad, ...leaves("d", "e")] });
    await ringFor(deps, parent);
    const [first, second, ...others] = deps.rung.splice(0);
    await runBatch(
      deps,
      await answerDoorbells(
        deps,
        [first, second].flatMap((bell) => bell ?? []),
      ),
    );
    await deps.backgroundDone();
    expect(new Set(takeRungIds(deps))).toEqual(new Set([parent.id]));
    expect(await ringFor(deps, parent)).toMatchObject([{ state: "failed", error: { code: "child_failed" } }]);
    const { error } = await theJob(parent.id);
    expect(error?.message).toBe(
      `The child ${childId(parent.id, 1)} (c1) failed with content_refused: b is refused`,
    );
    expect((await answerDoorbells(deps, others)).jobs).toEqual([]);
    await runRung(deps);
    expect((await theJob(parent.id)).children).toMatchObject({ completed: 1, failed: 1, cancelled: 3 });
  });

  it("is left out when its parent ignores it", async () => {
    const parent = await runFamily(
      testDeps(),
      await storedFamily({ children: bad, on_child_failure: "ignore" }),
    );
    expect(outputOf(parent)).toEqual({ said: ["a", null, "c"], open: 0 });
  });

  it("lets its parent go on at once, if that is what it wants", async () => {
    const deps = testDeps();
    const parent = await storedFamily({
      children: [{ say: "bad", fails: true }, ...leaves(..."abcdefghijkl")],
      on_child_failure: "continue",
    });
    expect(outputOf(await runFamily(deps, parent)).open).toBeGreaterThan(0);
  });

  it("and never could be a job, is a failed one that says where it comes from", async () => {
    const parent = await storedFamily({
      children: [{ say: "a" }, { say: 5 }],
      on_child_failure: "ignore",
    });
    expect(outputOf(await runFamily(testDeps(), parent)).said).toEqual(["a", null]);
    expect(await child(parent, 1)).toMatchObject({
      state: "failed",
      run: 0,
      metadata: { number: 1 },
      error: { code: "input_invalid" },
    });
    expect((await child(parent, 1)).error?.message).toMatch(/^line 2: input.say: /);
    expect((await theJob(parent.id)).children).toMatchObject({ total: 2, completed: 1, failed: 1 });
  });
});

describe("a job with children that ends", () => {
  it("by a cancel takes them with it, and none of them is started any more", async () => {
    const deps = testDeps();
    const { job } = await waitingFamily(deps, "a", "b", "c");
    await deps.backgroundDone();
    const bells = deps.rung.splice(0);
    await cancelAll(deps, [job]);
    expect((await answerDoorbells(deps, bells)).jobs).toEqual([]);
    await runRung(deps);
    expect(await theJob(job.id)).toMatchObject({ state: "cancelled", children: { total: 3, cancelled: 3 } });
    expect(leavesRun.size).toBe(0);
  });

  it("by being erased leaves nothing of them", async () => {
    const deps = testDeps();
    const parent = await runFamily(deps, await storedFamily({ children: leaves("a", "b") }));
    await erase(deps, [parent]);
    await runRung(deps);
    expect([
      await theRow(parent.id),
      await theRow(childId(parent.id, 0)),
      await theRow(childId(parent.id, 1)),
    ]).toEqual([null, null, null]);
  });
});

describe("a retry of a job with children", () => {
  it("does only that again which did not complete", async () => {
    const deps = testDeps();
    spoiledLeaves.add("b");
    const parent = await storedFamily({ children: leaves("a", "b", "c"), on_child_failure: "ignore" });
    expect(await runFamily(deps, parent)).toMatchObject({ state: "completed", children: { failed: 1 } });
    spoiledLeaves.clear();
    expect(await retry(deps, parent)).toMatchObject({ id: parent.id, state: "pending" });
    await runRung(deps);
    expect(outputOf(await theJob(parent.id)).said).toEqual(["a", "b", "c"]);
    expect(await theJob(parent.id)).toMatchObject({ children: { completed: 3, failed: 0 }, redo: false });
    expect([leavesRun.get("a"), leavesRun.get("b"), leavesRun.get("c")]).toEqual([1, 2, 1]);
  });

  it("goes on where a failure or a cancel had ended it", async () => {
    const deps = testDeps();
    spoiledLeaves.add("b");
    const failed = await storedFamily({ children: leaves("a", "b", "c") });
    expect(await runFamily(deps, failed)).toMatchObject({ state: "failed" });
    const { job: cancelled } = await waitingFamily(deps, "x", "y");
    await cancelAll(deps, [cancelled]);
    await runRung(deps);
    spoiledLeaves.clear();
    for (const parent of [failed, cancelled]) await retry(deps, parent);
    await runRung(deps);
    expect(outputOf(await theJob(failed.id)).said).toEqual(["a", "b", "c"]);
    expect(outputOf(await theJob(cancelled.id)).said).toEqual(["x", "y"]);
    expect([leavesRun.get("a"), leavesRun.get("b")]).toEqual([1, 2]);
  });

  it("of which all have completed makes a new job, as that of any completed one", async () => {
    const deps = testDeps();
    const parent = await runFamily(deps, await storedFamily({ children: leaves("a") }));
    expect(await retry(deps, parent)).toMatchObject({ rerunOf: parent.id, children: null });
  });

  it("is refused for a child alone once its parent has ended, and made while it waits", async () => {
    const deps = testDeps();
    const { job } = await waitingFamily(deps, "a", "b");
    await deps.backgroundDone();
    spoiledLeaves.add("a");
    await changeRow(childId(job.id, 0), { state: "failed" });
    expect(await theJob(job.id)).toMatchObject({ state: "pending" });
    expect(await retry(deps, await child(job, 0))).toMatchObject({ state: "pending" });
    expect((await theJob(job.id)).children).toMatchObject({ failed: 0 });
    await changeRow(childId(job.id, 0), { state: "failed" });
    await changeRow(job.id, { state: "failed" });
    await expect(retry(deps, await child(job, 0))).rejects.toMatchObject({
      code: "parent_ended",
      message: expect.stringContaining(job.id),
    });
  });
});

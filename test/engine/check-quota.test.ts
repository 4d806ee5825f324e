import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { enqueue } from "../../src/engine/enqueue";
import { clearBudgets, limitTo } from "../support/budgets";
import { type TestDeps, testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import { type WrappedDb, wrapDb } from "../support/faulty-db";

beforeEach(clearBudgets);

const request = { task: "generate", input: { prompt: "Tea" }, delay_s: 3_600 };

const submit = (deps: TestDeps) => enqueue(deps, { projectId: PROJECT, jobs: [request] });

/** An isolate whose clock is set by hand, and the reads that its submits have cost. */
function isolate() {
  const wrapped: WrappedDb = wrapDb(env.DB);
  let now = Date.now();
  const deps = testDeps({ db: wrapped.db, now: () => now });
  const reads = (text: string) =>
    wrapped.calls.filter(({ sqls }) => sqls.some((sql) => sql.includes(text))).length;
  return {
    deps,
    limits: () => reads("FROM budgets"),
    counts: () => reads("id >= ?2"),
    pass: (ms: number) => (now += ms),
  };
}

describe("a quota at submit", () => {
  it("costs a project without a budget one read in five seconds, for which a warm submit does not wait", async () => {
    const { deps, limits, counts, pass } = isolate();
    for (let i = 0; i < 5; i++) await submit(deps);
    expect(limits()).toBe(1);
    pass(6_000);
    await submit(deps);
    await submit(deps);
    await deps.backgroundDone();
    expect(limits()).toBe(2);
    expect(counts()).toBe(0);
  });

  it("costs one that has a limit a count in a second", async () => {
    await limitTo({ jobsPerMinute: 100 });
    const { deps, counts, pass } = isolate();
    for (let i = 0; i < 5; i++) await submit(deps);
    expect(counts()).toBe(1);
    pass(1_001);
    await submit(deps);
    expect(counts()).toBe(2);
  });

  it("that was set elsewhere is known within 30 seconds, however long nothing was submitted", async () => {
    const { deps, pass } = isolate();
    await submit(deps);
    await limitTo({ jobsPerMinute: 1 });
    await submit(deps);
    pass(30_001);
    await expect(submit(deps)).rejects.toMatchObject({ code: "quota_exceeded" });
  });

  it("lets jobs in again when those before them are a minute old", async () => {
    await limitTo({ jobsPerMinute: 2 });
    const { deps, pass } = isolate();
    await submit(deps);
    await submit(deps);
    await expect(submit(deps)).rejects.toMatchObject({ code: "quota_exceeded" });
    pass(61_000);
    expect(await submit(deps)).toHaveLength(1);
  });
});

import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { AppError } from "../../src/core/errors";
import type { Progress, WholeJob } from "../../src/core/job";
import { type ActiveRun, createWatch } from "../../src/engine/watch";
import { type TestDeps, testDeps } from "../support/deps";
import { wrapDb } from "../support/faulty-db";
import { changeRow, storedIn, theJob } from "../support/rows";

const PATIENT = { timeout: 5_000 };

/** Watches runs of these ages from the beginning until `seen` holds. */
async function watching(
  deps: TestDeps,
  jobs: { job: WholeJob; ageMs?: number; progress?: Progress }[],
  seen: (runs: ActiveRun[]) => void | Promise<void>,
): Promise<ActiveRun[]> {
  const watch = createWatch(deps);
  const runs = jobs.map(({ job, ageMs = 2_000, progress = null }) => {
    deps.now = () => Date.now() - ageMs;
    return Object.assign(watch.add(job), { progress });
  });
  deps.now = Date.now;
  await vi.waitFor(() => seen(runs), PATIENT);
  for (const run of runs) watch.remove(run);
  return runs;
}

describe("the watch", () => {
  it("aborts a run that was asked to stop, and no other", async () => {
    const [stopped, other] = [await storedIn("running"), await storedIn("running")];
    await changeRow(stopped.id, { cancel_requested_at: 1_000 });
    const aborted = ([first]: ActiveRun[]) => expect(first?.controller.signal.aborted).toBe(true);
    const runs = await watching(testDeps(), [{ job: stopped }, { job: other }], aborted);
    expect(runs.map(({ controller }) => controller.signal.aborted)).toEqual([true, false]);
    expect(runs[0]).toMatchObject({ lost: false, controller: { signal: { reason: { code: "cancelled" } } } });
  });

  it.each([
    ["another run has taken over", "UPDATE jobs SET run = 2 WHERE id = ?1"],
    ["the clock has ended", "UPDATE jobs SET state = 'failed' WHERE id = ?1"],
    ["was erased", "DELETE FROM jobs WHERE id = ?1"],
  ])("gives up a run whose job %s", async (_what, sql) => {
    const job = await storedIn("running");
    await env.DB.prepare(sql).bind(job.id).run();
    const [run] = await watching(testDeps(), [{ job }], ([first]) => expect(first?.lost).toBe(true));
    expect(run?.controller.signal.reason).toBeInstanceOf(AppError);
  });

  it("asks in one statement for all runs together, and writes nothing", async () => {
    const wrapped = wrapDb(env.DB);
    const jobs = await Promise.all(Array.from({ length: 10 }, () => storedIn("running")));
    const asked = () => expect(wrapped.calls.length).toBe(1);
    await watching(
      testDeps({ db: wrapped.db }),
      jobs.map((job) => ({ job })),
      asked,
    );
    expect(wrapped.rowsWritten()).toBe(0);
  });

  it("renews the leases of old runs in one statement, and stores how far they are", async () => {
    const wrapped = wrapDb(env.DB);
    const progress = { done: 3, total: 9, message: null };
    const expiring = () => storedIn("running", { lease_until: 2_000 });
    const [first, second, young] = [await expiring(), await expiring(), await expiring()];
    const runs = [
      { job: first, ageMs: 41_000, progress },
      { job: second, ageMs: 41_000 },
      { job: young, ageMs: 30_000 },
    ];
    const renewed = () => expect(wrapped.rowsWritten()).toBe(2);
    await watching(testDeps({ db: wrapped.db }), runs, renewed);
    expect(wrapped.calls.filter(({ rowsWritten }) => rowsWritten > 0)).toHaveLength(1);
    expect(await theJob(first.id)).toMatchObject({ progress });
    for (const { id } of [first, second]) {
      expect((await theJob(id)).leaseUntil).toBeGreaterThan(Date.now() + 50_000);
    }
    expect((await theJob(young.id)).leaseUntil).toBe(2_000);
  });

  it("does not renew the lease of a run that has lost its job", async () => {
    const job = await storedIn("running");
    await changeRow(job.id, { run: 2, lease_until: 2_000 });
    await watching(testDeps(), [{ job, ageMs: 41_000 }], ([run]) => expect(run?.lost).toBe(true));
    expect((await theJob(job.id)).leaseUntil).toBe(2_000);
  });

  it("goes on watching after the database was away", async () => {
    const wrapped = wrapDb(env.DB);
    const deps = testDeps({ db: wrapped.db });
    const job = await storedIn("running");
    await changeRow(job.id, { cancel_requested_at: 1_000 });
    wrapped.fail(1);
    await watching(deps, [{ job }], ([run]) => expect(run?.controller.signal.aborted).toBe(true));
    expect(deps.logs).toContainEqual(expect.objectContaining({ event: "watch_failed" }));
  });
});

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { checkRoom } from "../../src/engine/check-room";
import { enqueue } from "../../src/engine/enqueue";
import { type TestDeps, testDeps } from "../support/deps";
import { anId } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { countRows, storedIn, storedJob } from "../support/rows";

const bounded = (maxOpenJobs: number, over: Parameters<typeof testDeps>[0] = {}): TestDeps => {
  // A database object of its own: what is believed of one is not believed of another.
  const deps = testDeps({ db: wrapDb(env.DB).db, ...over });
  return { ...deps, config: { ...deps.config, maxOpenJobs } };
};

const request = (over = {}) => ({ task: "generate", input: { prompt: "Tea" }, delay_s: 3_600, ...over });

beforeEach(async () => {
  await env.DB.exec("DELETE FROM jobs");
});

describe("the bound on open jobs", () => {
  it("counts what has not ended, and names both numbers", async () => {
    for (const state of ["pending", "running", "waiting"] as const) await storedIn(state);
    for (const state of ["completed", "failed", "cancelled"] as const) await storedIn(state);
    await checkRoom(bounded(4), "default", 1);
    await expect(checkRoom(bounded(3), "default", 1)).rejects.toMatchObject({
      ...{ code: "too_many_jobs", retryAfterMs: 30_000 },
      message: expect.stringMatching(/3 open jobs; 3 are allowed/),
    });
  });

  it("counts a project's own jobs only", async () => {
    await storedJob();
    await checkRoom(bounded(1), "other", 1);
  });

  it("holds for what one isolate takes in between two counts", async () => {
    const deps = bounded(10);
    const asked = Array.from({ length: 25 }, () =>
      enqueue(deps, { projectId: "default", jobs: [request()] }),
    );
    const results = await Promise.allSettled(asked);
    expect(results.filter(({ status }) => status === "fulfilled").length).toBeLessThanOrEqual(10);
    expect(await countRows("jobs")).toBeLessThanOrEqual(10);
    await deps.backgroundDone();
  });

  it("refuses a bulk that does not fit as a whole, and stores nothing of it", async () => {
    const deps = bounded(2);
    const jobs = [request(), request(), request()];
    await expect(enqueue(deps, { projectId: "default", jobs, list: true })).rejects.toMatchObject({
      code: "too_many_jobs",
    });
    expect(await countRows("jobs")).toBe(0);
  });

  it("does not refuse what an earlier request has stored", async () => {
    const deps = bounded(1);
    const jobs = [request({ idempotency_key: anId("req") })];
    const [first] = await enqueue(deps, { projectId: "default", jobs });
    const [again] = await enqueue(deps, { projectId: "default", jobs });
    expect(again).toMatchObject({ created: false, job: { id: first?.job.id } });
    await deps.backgroundDone();
  });

  it("costs a submit no query while it is far away", async () => {
    const wrapped = wrapDb(env.DB);
    const deps = bounded(1_000, { db: wrapped.db });
    await enqueue(deps, { projectId: "default", jobs: [request()] });
    await deps.backgroundDone();
    const before = wrapped.calls.length;
    await enqueue(deps, { projectId: "default", jobs: [request()] });
    expect(wrapped.calls.length - before).toBe(1);
    await deps.backgroundDone();
  });
});

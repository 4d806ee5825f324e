import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { AppError } from "../../src/core/errors";
import { TIMING } from "../../src/core/limits";
import { findDue, postpone, untilNextDueMs } from "../../src/store/due";
import { getJob, getJobs, renewLeases, watchRuns } from "../../src/store/jobs";
import { checkMigrated } from "../../src/store/schema";
import { insertJobs } from "../../src/store/submit";
import { aNewJob, PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { changeRow, storedIn, storedJob, theJob, theRow } from "../support/rows";

const missing = { projectId: PROJECT, id: "job_missing" };

describe("getJob and getJobs", () => {
  it("give those that exist, of their own project only", async () => {
    const jobs = [await storedJob(), await storedJob()];
    const found = await getJobs(env.DB, [...jobs, missing, { projectId: "other", id: jobs[0]?.id ?? "" }]);
    expect(found.map(({ id }) => id).sort()).toEqual(jobs.map(({ id }) => id).sort());
    expect(await getJob(env.DB, missing)).toBeNull();
  });
});

describe("renewLeases and watchRuns", () => {
  it("renew the lease of the run that holds the job, and of no older one", async () => {
    const [mine, lost, ended] = [
      await storedIn("running", { lease_until: 2_000 }),
      await storedIn("running", { lease_until: 2_000, run: 2 }),
      await storedIn("completed", { lease_until: 2_000 }),
    ];
    const renewals = [mine, lost, ended].map((job) => ({
      projectId: PROJECT,
      id: job.id,
      run: 1,
      progress: null,
    }));
    await renewLeases(env.DB, renewals, 60_000);
    expect((await theJob(mine.id)).leaseUntil).toBeGreaterThan(Date.now() + 50_000);
    expect((await theJob(mine.id)).version).toBe(mine.version);
    for (const { id } of [lost, ended]) expect((await theJob(id)).leaseUntil).toBe(2_000);
  });

  it("keep the progress that was stored when there is no newer", async () => {
    const progress = '{"done":1,"total":null,"message":null}';
    const job = await storedIn("running", { progress });
    await renewLeases(env.DB, [{ ...job, progress: null }], 60_000);
    expect((await theRow(job.id))?.progress).toBe(progress);
  });

  it("tell of each run whether it goes on, was asked to stop, or was erased", async () => {
    const [going, asked, over] = [
      await storedIn("running"),
      await storedIn("running", { cancel_requested_at: 1_000, run: 4 }),
      await storedIn("failed"),
    ];
    const seen = await watchRuns(env.DB, [going, asked, over, missing]);
    const byId = new Map(seen.map(({ id, run, running, stop }) => [id, [run, running, stop]]));
    expect(byId).toEqual(
      new Map([
        [going.id, [1, 1, 0]],
        [asked.id, [4, 1, 1]],
        [over.id, [1, 0, 0]],
      ]),
    );
  });
});

describe("findDue and postpone", () => {
  it("find the earliest first, and nothing that is final or later", async () => {
    await env.DB.exec("DELETE FROM jobs");
    expect(await untilNextDueMs(env.DB)).toBeNull();
    const [second, first] = [
      await storedJob({}, { wake_at: 2_000 }),
      await storedJob({}, { wake_at: 1_000 }),
    ];
    await storedIn("completed");
    await storedJob();
    expect((await findDue(env.DB, 10, TIMING)).map(({ id }) => id)).toEqual([first.id, second.id]);
    expect((await findDue(env.DB, 1, TIMING)).map(({ id }) => id)).toEqual([first.id]);
    expect(await untilNextDueMs(env.DB)).toBeLessThan(0);
  });

  it("leave a job alone that has moved on in the meantime", async () => {
    const jobs = [
      await storedIn("completed"),
      await storedJob({ delay_ms: 60_000 }),
      await storedIn("running"),
    ];
    const before = await Promise.all(jobs.map(({ id }) => theRow(id)));
    await postpone(env.DB, jobs, "later and later", TIMING);
    expect(await Promise.all(jobs.map(({ id }) => theRow(id)))).toEqual(before);
  });

  it("look no later than a job's time runs out", async () => {
    const expiresAt = Date.now() + 10_000;
    const job = await storedJob({}, { expires_at: expiresAt, wake_at: 1_000 });
    await postpone(env.DB, [job], "soon", TIMING);
    expect((await theRow(job.id))?.wake_at).toBe(expiresAt);
  });
});

describe("what D1's errors mean", () => {
  it("are an unreachable store, to be tried again", async () => {
    const wrapped = wrapDb(env.DB);
    wrapped.fail(1);
    const error = await getJob(wrapped.db, missing).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: "store_unavailable", retryable: true, status: 503 });
  });

  it("are a bug of ours when a constraint is broken", async () => {
    const broken = insertJobs(env.DB, PROJECT, [aNewJob({ max_attempts: 0 })], null, TIMING);
    await expect(broken).rejects.not.toBeInstanceOf(AppError);
  });

  it("are a database that was not migrated when a table or column is missing", async () => {
    await env.DB.exec("ALTER TABLE jobs RENAME COLUMN metadata TO meta");
    await expect(getJob(env.DB, missing)).rejects.toMatchObject({ code: "not_migrated" });
    await env.DB.exec("ALTER TABLE jobs RENAME COLUMN meta TO metadata");
    await checkMigrated(env.DB);
    await env.DB.exec("DELETE FROM d1_migrations");
    await expect(checkMigrated(env.DB)).rejects.toMatchObject({ code: "not_migrated" });
  });
});

describe("changeRow, which these tests stand on", () => {
  it("changes what it is told to", async () => {
    const job = await storedJob();
    await changeRow(job.id, { priority: 9 });
    expect(await theJob(job.id)).toEqual({ ...job, priority: 9, readAt: expect.any(Number) });
  });
});

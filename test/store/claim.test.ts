import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { WholeJob } from "../../src/core/job";
import { TIMING } from "../../src/core/limits";
import { claimJobs, claimSuspect, findUnclaimed } from "../../src/store/claims";
import { insertJobs } from "../../src/store/submit";
import { aNewJob, anId, PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { changeRow, storedIn, storedJob, theRow } from "../support/rows";

function counters({ id, run, attempt, crashes, version, startedAt }: WholeJob) {
  return [id, run, attempt, crashes, version, startedAt];
}

describe("claimSuspect", () => {
  it.each([
    [
      "whose run is dead",
      () => storedIn("running", { lease_until: 1_000 }),
      { run: 2, attempt: 1, crashes: 1 },
    ],
    [
      "that crashed and is due again",
      () => storedJob({}, { crashes: 1 }),
      { run: 1, attempt: 1, crashes: 1 },
    ],
  ] as const)(
    "takes a job %s, and gives it to the same claim again as it is",
    async (_which, make, counted) => {
      const job = await make();
      const claimId = anId("clm");
      const first = await claimSuspect(env.DB, job, claimId, TIMING);
      expect(first).toMatchObject(counted);
      const again = await claimSuspect(env.DB, job, claimId, TIMING);
      expect(again && counters(again)).toEqual(first && counters(first));
      expect(await claimSuspect(env.DB, job, anId("clm"), TIMING)).toBeNull();
    },
  );

  const lastChance = { lease_until: 1_000, crashes: TIMING.maxCrashes - 2 };

  it.each([
    ["a job with its last chance while another suspect runs", 1, lastChance, false],
    ["any suspect while one with its last chance runs", TIMING.maxCrashes - 1, { lease_until: 1_000 }, false],
    ["suspects side by side that have more chances", 1, { lease_until: 1_000 }, true],
  ])("takes or leaves %s", async (_what, crashesOfOther, row, taken) => {
    await env.DB.exec("DELETE FROM jobs");
    const other = await storedIn("running", { crashes: crashesOfOther });
    const job = await storedIn("running", row);
    expect((await claimSuspect(env.DB, job, anId("clm"), TIMING)) !== null).toBe(taken);
    await changeRow(other.id, { lease_until: 1_000 });
    expect(await claimSuspect(env.DB, job, anId("clm"), TIMING)).toEqual(taken ? null : expect.anything());
  });

  it("is the only way to a job that crashed before: a batch does not claim it", async () => {
    const jobs = [await storedIn("running", { lease_until: 1_000 }), await storedJob({}, { crashes: 1 })];
    expect(await claimJobs(env.DB, jobs, anId("clm"), TIMING)).toEqual([]);
    expect((await findUnclaimed(env.DB, jobs, TIMING)).suspects.map(({ id }) => id)).toEqual(
      jobs.map(({ id }) => id),
    );
  });
});

describe("claimJobs", () => {
  it("gives the same jobs to the same claim again, without counting them again", async () => {
    const jobs = [await storedJob(), await storedJob()];
    const claimId = anId("clm");
    const first = await claimJobs(env.DB, jobs, claimId, TIMING);
    const second = await claimJobs(env.DB, jobs, claimId, TIMING);
    expect(first).toHaveLength(2);
    expect(second.map(counters).sort()).toEqual(first.map(counters).sort());
  });

  it("gives a job to one of many who ask at the same time", async () => {
    const job = await storedJob();
    const claims = await Promise.all(
      Array.from({ length: 20 }, () => claimJobs(env.DB, [job], anId("clm"), TIMING)),
    );
    expect(claims.flat()).toHaveLength(1);
    expect((await theRow(job.id))?.run).toBe(1);
  });

  it("claims a batch in one statement that writes one row a job", async () => {
    const jobs = Array.from({ length: 10 }, () => aNewJob());
    await insertJobs(env.DB, PROJECT, jobs, null, TIMING);
    const wrapped = wrapDb(env.DB);
    const claimed = await claimJobs(
      wrapped.db,
      jobs.map(({ id }) => ({ projectId: PROJECT, id })),
      anId("clm"),
      TIMING,
    );
    expect(claimed).toHaveLength(10);
    expect(wrapped.calls.map(({ sqls }) => sqls.length)).toEqual([1]);
    expect(wrapped.rowsWritten()).toBe(10);
  });

  it("takes those of a batch that it may and leaves the others", async () => {
    const due = await storedJob();
    const others = [
      await storedJob({ delay_ms: 60_000 }),
      await storedIn("completed"),
      await storedIn("running"),
    ];
    const missing = { projectId: PROJECT, id: anId() };
    const claimed = await claimJobs(env.DB, [due, ...others, missing], anId("clm"), TIMING);
    expect(claimed.map(({ id }) => id)).toEqual([due.id]);
  });

  it("keeps the instant of the first start", async () => {
    const job = await storedIn("pending", { started_at: 1_234, run: 1, attempt: 1 });
    expect((await claimJobs(env.DB, [job], anId("clm"), TIMING))[0]?.startedAt).toBe(1_234);
  });

  it("gives a lease of a minute", async () => {
    const [job] = await claimJobs(env.DB, [await storedJob()], anId("clm"), TIMING);
    const leaseMs = (job?.leaseUntil ?? 0) - Date.now();
    expect(leaseMs).toBeGreaterThan(50_000);
    expect(leaseMs).toBeLessThanOrEqual(60_000);
  });
});

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { claimJobs } from "../../src/store/moves";
import { insertJobs } from "../../src/store/submit";
import { aNewJob, anId, PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { storedIn, storedJob, theRow } from "../support/rows";

describe("claimJobs", () => {
  it("gives the same jobs to the same claim again, without counting them again", async () => {
    const jobs = [await storedJob(), await storedIn("running", { lease_until: 1_000 })];
    const claimId = anId("clm");
    const first = await claimJobs(env.DB, jobs, claimId);
    const second = await claimJobs(env.DB, jobs, claimId);
    const counters = ({ id, run, attempt, crashes, version, startedAt }: (typeof first)[number]) => [
      ...[id, run, attempt, crashes, version, startedAt],
    ];
    expect(first).toHaveLength(2);
    expect(second.map(counters).sort()).toEqual(first.map(counters).sort());
  });

  it("gives a job to one of many who ask at the same time", async () => {
    const job = await storedJob();
    const claims = await Promise.all(Array.from({ length: 20 }, () => claimJobs(env.DB, [job], anId("clm"))));
    expect(claims.flat()).toHaveLength(1);
    expect((await theRow(job.id))?.run).toBe(1);
  });

  it("claims a batch in one statement that writes one row a job", async () => {
    const jobs = Array.from({ length: 10 }, () => aNewJob());
    await insertJobs(env.DB, PROJECT, jobs, null);
    const wrapped = wrapDb(env.DB);
    const claimed = await claimJobs(
      wrapped.db,
      jobs.map(({ id }) => ({ projectId: PROJECT, id })),
      anId("clm"),
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
    const claimed = await claimJobs(env.DB, [due, ...others, missing], anId("clm"));
    expect(claimed.map(({ id }) => id)).toEqual([due.id]);
  });

  it("keeps the instant of the first start", async () => {
    const job = await storedIn("pending", { started_at: 1_234, run: 1, attempt: 1 });
    expect((await claimJobs(env.DB, [job], anId("clm")))[0]?.startedAt).toBe(1_234);
  });

  it("gives a lease of a minute", async () => {
    const [job] = await claimJobs(env.DB, [await storedJob()], anId("clm"));
    const leaseMs = (job?.leaseUntil ?? 0) - Date.now();
    expect(leaseMs).toBeGreaterThan(50_000);
    expect(leaseMs).toBeLessThanOrEqual(60_000);
  });
});

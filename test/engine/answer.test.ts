import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { answerDoorbells } from "../../src/engine/answer";
import { movesTold, testDeps } from "../support/deps";
import { anId, PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { storedIn, storedJob, theJob, theRow } from "../support/rows";

const bell = (job: { id: string }) => ({ p: PROJECT, id: job.id });

describe("answerDoorbells", () => {
  it("claims a job once for a doorbell that comes twice in a batch", async () => {
    const job = await storedJob();
    const { jobs: claimed } = await answerDoorbells(testDeps(), [bell(job), bell(job)]);
    expect(claimed.map(({ id, run }) => [id, run])).toEqual([[job.id, 1]]);
  });

  it("gives a job to one of two batches that have its doorbell", async () => {
    const job = await storedJob();
    const [first, second] = await Promise.all([
      answerDoorbells(testDeps(), [bell(job)]),
      answerDoorbells(testDeps(), [bell(job)]),
    ]);
    expect([...first.jobs, ...second.jobs].map(({ run }) => run)).toEqual([1]);
  });

  it.each([
    ["completed", "job.completed"],
    ["failed", "job.failed"],
    ["cancelled", "job.cancelled"],
  ] as const)("tells again how a job stands that is %s", async (state, told) => {
    const deps = testDeps();
    const job = await storedIn(state);
    expect(await answerDoorbells(deps, [bell(job)])).toEqual({ jobs: [], suspects: [] });
    await deps.backgroundDone();
    expect(movesTold(deps, job.id)).toEqual([told]);
    expect(deps.published[0]).toMatchObject({ version: job.version, run: job.run });
  });

  it("answers nothing and changes nothing for a job that runs, is not due, has expired or is gone", async () => {
    const deps = testDeps();
    const jobs = [
      await storedIn("running"),
      await storedJob({ delay_ms: 60_000 }),
      await storedJob({}, { expires_at: 1_000 }),
      await storedIn("running", { lease_until: 1_000, cancel_requested_at: 1_000 }),
    ];
    const before = await Promise.all(jobs.map(({ id }) => theRow(id)));
    expect(await answerDoorbells(deps, [...jobs, { id: anId() }].map(bell))).toEqual({
      jobs: [],
      suspects: [],
    });
    await deps.backgroundDone();
    expect(await Promise.all(jobs.map(({ id }) => theRow(id)))).toEqual(before);
    expect(deps.published).toEqual([]);
  });

  it("claims no job whose last run is dead, and names it as a suspect", async () => {
    const job = await storedIn("running", { lease_until: 1_000 });
    const { jobs, suspects } = await answerDoorbells(testDeps(), [bell(job)]);
    expect(jobs).toEqual([]);
    expect(suspects).toMatchObject([{ id: job.id, run: 1, crashes: 0 }]);
  });

  it("counts a claim once though its answer got lost", async () => {
    const wrapped = wrapDb(env.DB);
    const job = await storedJob();
    wrapped.loseAnswers(1, "UPDATE jobs");
    const { jobs: claimed } = await answerDoorbells(testDeps({ db: wrapped.db }), [bell(job)]);
    expect(claimed).toMatchObject([{ id: job.id, run: 1, attempt: 1 }]);
    expect(await theJob(job.id)).toMatchObject({ run: 1, attempt: 1, version: 2 });
  });

  it("throws when the database stays away, for the consumer to put the doorbells back", async () => {
    const wrapped = wrapDb(env.DB);
    wrapped.fail(2);
    const answered = answerDoorbells(testDeps({ db: wrapped.db }), [bell(await storedJob())]);
    await expect(answered).rejects.toMatchObject({ code: "store_unavailable" });
  });
});

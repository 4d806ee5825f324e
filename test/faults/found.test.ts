import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { enqueue } from "../../src/engine/enqueue";
import { sweep } from "../../src/engine/sweep";
import { unsettledPrefix } from "../../src/store/objects";
import { acmeChat, answer, failure } from "../llm/fake-provider";
import { endLease } from "../support/age";
import { ringFor, testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import { emptyTables } from "../support/fault-trial";
import { wrapDb } from "../support/faulty-db";
import { changeRow, storedIn, storedJob, theJob, theRow } from "../support/rows";

beforeEach(emptyTables);

/** Dependencies of a run whose end the database does not take. */
function dbAwayAtTheEnd(fetch: () => Promise<Response>) {
  const wrapped = wrapDb(env.DB);
  wrapped.fail(100, "lease_until = NULL");
  // Every look at the clock is ten seconds later.
  let now = Date.now();
  return testDeps({ db: wrapped.db, fetch, now: () => (now += 10_000) });
}

const keptOf = async (job: { projectId: string; id: string }) =>
  (await env.BUCKET.list({ prefix: unsettledPrefix(job) })).objects.length;

const linesOf = async (id: string) => {
  const sql = "SELECT run, lost FROM ledger WHERE job_id = ?1 ORDER BY run";
  return (await env.DB.prepare(sql).bind(id).all()).results;
};

describe("a run that has left its end in R2", () => {
  it("did not die: it counts as no crash once its end is found", async () => {
    const job = await storedJob(acmeChat);
    await ringFor(
      dbAwayAtTheEnd(async () => answer()),
      job,
    );
    await endLease(job.id);
    expect(await ringFor(testDeps(), job)).toMatchObject([{ state: "completed", run: 2, crashes: 0 }]);
  });

  it("is not given up by the clock as crashed, however many before it were", async () => {
    const job = await storedJob(acmeChat, { crashes: 2 });
    await ringFor(
      dbAwayAtTheEnd(async () => answer()),
      job,
    );
    await endLease(job.id);
    const deps = testDeps();
    await sweep(deps, true);
    expect(deps.rung).toEqual([{ p: PROJECT, id: job.id }]);
    expect(await ringFor(deps, job)).toMatchObject([{ state: "completed", run: 2 }]);
  });

  it("is settled once: its end is not taken for that of a later try, though it could not be removed", async () => {
    const job = await storedJob(acmeChat);
    await ringFor(
      dbAwayAtTheEnd(async () => failure(503)),
      job,
    );
    await endLease(job.id);
    const bucket = new Proxy(env.BUCKET, {
      get: (target, name) =>
        name === "delete"
          ? () => Promise.reject(new Error("R2 away"))
          : Reflect.get(target, name).bind(target),
    });
    await ringFor(testDeps({ bucket }), job);
    expect(await theJob(job.id)).toMatchObject({ state: "pending", reason: "retrying", attempt: 1 });
    expect(await keptOf(job)).toBe(1);
    await changeRow(job.id, { run_at: 0 });
    const [now] = await ringFor(testDeps({ fetch: async () => answer() }), job);
    expect(now).toMatchObject({ state: "completed", run: 3, attempt: 2 });
    expect(await keptOf(job)).toBe(0);
  });

  it("has its usage in the ledger though another run has ended the job", async () => {
    const job = await storedJob(acmeChat);
    await ringFor(
      dbAwayAtTheEnd(async () => {
        await endLease(job.id);
        await ringFor(testDeps({ fetch: async () => answer() }), job);
        return answer();
      }),
      job,
    );
    expect(await keptOf(job)).toBe(1);
    // The doorbell that it has rung for later.
    await ringFor(testDeps(), job);
    expect(await linesOf(job.id)).toEqual([
      { run: 1, lost: 1 },
      { run: 2, lost: 0 },
    ]);
    expect(await keptOf(job)).toBe(0);
  });
});

describe("a batch of doorbells", () => {
  it("runs what it has claimed, though the database does not say which others have died", async () => {
    const wrapped = wrapDb(env.DB);
    wrapped.fail(100, "ORDER BY id");
    const jobs = [await storedJob(acmeChat), await storedIn("completed")];
    const deps = testDeps({ db: wrapped.db, fetch: async () => answer() });
    expect(await ringFor(deps, ...jobs)).toMatchObject([{ state: "completed", run: 1 }, {}]);
  });
});

describe("a submit that is stored in part under other keys", () => {
  it("names what it has stored when the database does not tell the rest", async () => {
    const request = { task: "generate", input: { prompt: "Tea", model: "acme/chat" } };
    const known = { ...request, idempotency_key: "known" };
    await enqueue(testDeps(), { projectId: PROJECT, jobs: [known] });
    const wrapped = wrapDb(env.DB);
    wrapped.fail(100, "SELECT key, job_id, job_ids");
    const submission = { projectId: PROJECT, jobs: [known, request], list: true };
    const refused = await enqueue(testDeps({ db: wrapped.db }), submission).catch((error) => error);
    expect(refused).toMatchObject({ code: "store_unavailable", jobIds: [expect.any(String)] });
    expect(await theRow(refused.jobIds[0])).not.toBeNull();
  });
});

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { WholeJob } from "../../src/core/job";
import { unsettledKey } from "../../src/store/objects";
import { acmeChat, answer, failure } from "../llm/fake-provider";
import { endLease } from "../support/age";
import { brokenBucket, movesTold, ringFor, type TestDeps, testDeps } from "../support/deps";
import { wrapDb } from "../support/faulty-db";
import { storedJob, theJob } from "../support/rows";

/** A provider that counts how often it is called. */
function counting(reply: () => Response) {
  const provider = {
    calls: 0,
    fetch: async () => {
      provider.calls += 1;
      return reply();
    },
  };
  return provider;
}

/** Dependencies of a run whose end the database does not take. */
function dbAwayAtTheEnd(provider: { fetch(): Promise<Response> }): TestDeps {
  const wrapped = wrapDb(env.DB);
  wrapped.fail(100, "lease_until = NULL");
  // Every look at the clock is ten seconds later.
  let now = Date.now();
  return testDeps({ db: wrapped.db, fetch: provider.fetch, now: () => (now += 10_000) });
}

async function unsettledOf(job: WholeJob): Promise<string | null> {
  return (await (await env.BUCKET.get(unsettledKey({ ...job, run: 1 })))?.text()) ?? null;
}

function ledgerOf(job: { id: string }) {
  const sql = "SELECT run, lost, input_tokens FROM ledger WHERE job_id = ?1 ORDER BY run";
  return env.DB.prepare(sql).bind(job.id).all<{ run: number; lost: number; input_tokens: number }>();
}

describe("an answer that the database would not take", () => {
  it("waits in R2, rings for later, and is settled by the next run without another call to the model", async () => {
    const provider = counting(answer);
    const job = await storedJob(acmeChat);
    const first = dbAwayAtTheEnd(provider);
    await ringFor(first, job);
    expect(await theJob(job.id)).toMatchObject({ state: "running", run: 1 });
    expect(await unsettledOf(job)).not.toBeNull();
    expect(first.rung).toEqual([{ p: job.projectId, id: job.id }]);
    expect(movesTold(first, job.id)).toEqual(["job.started"]);

    await endLease(job.id);
    const second = testDeps({ fetch: provider.fetch });
    const [now] = await ringFor(second, job);
    expect(now).toMatchObject({ state: "completed", run: 2, attempt: 1 });
    expect(now?.usage?.input_tokens).toBe(100);
    expect(provider.calls).toBe(1);
    expect(movesTold(second, job.id)).toEqual(["job.started", "job.completed"]);
    expect(await unsettledOf(job)).toBeNull();
    expect((await ledgerOf(job)).results).toEqual([{ run: 1, lost: 0, input_tokens: 100 }]);
  });

  it("is as good when it is an error: the attempt is counted, and the next one calls the model", async () => {
    const broken = counting(() => failure(503));
    const job = await storedJob(acmeChat);
    await ringFor(dbAwayAtTheEnd(broken), job);
    await endLease(job.id);
    const well = counting(answer);
    const [now] = await ringFor(testDeps({ fetch: well.fetch }), job);
    expect(now).toMatchObject({ state: "pending", reason: "retrying", attempt: 1 });
    expect(now?.attempts).toMatchObject([{ attempt: 1, error: { code: "provider_error" } }]);
    expect([broken.calls, well.calls]).toEqual([1, 0]);
  });

  it("is not paid for again while R2 cannot tell whether it is there", async () => {
    const provider = counting(answer);
    const job = await storedJob(acmeChat);
    await ringFor(dbAwayAtTheEnd(provider), job);
    await endLease(job.id);
    const [now] = await ringFor(testDeps({ fetch: provider.fetch, bucket: brokenBucket() }), job);
    expect(now).toMatchObject({ state: "pending", reason: "retrying", error: { code: "store_unavailable" } });
    expect(now?.attempt).toBe(0);
    expect(provider.calls).toBe(1);
  });

  it("is used though another run has died in between", async () => {
    const provider = counting(answer);
    const job = await storedJob(acmeChat);
    await ringFor(dbAwayAtTheEnd(provider), job);
    await env.DB.prepare("UPDATE jobs SET run = 2 WHERE id = ?1").bind(job.id).run();
    await endLease(job.id);
    expect(await ringFor(testDeps({ fetch: provider.fetch }), job)).toMatchObject([
      { state: "completed", run: 3 },
    ]);
    expect(provider.calls).toBe(1);
  });
});

describe("the ledger", () => {
  it("has one line for a run that has settled, however often its writing was repeated", async () => {
    const wrapped = wrapDb(env.DB);
    wrapped.loseAnswers(2, "lease_until = NULL");
    const job = await storedJob(acmeChat);
    await ringFor(testDeps({ db: wrapped.db, fetch: async () => answer() }), job);
    expect((await ledgerOf(job)).results).toEqual([{ run: 1, lost: 0, input_tokens: 100 }]);
  });

  it("has the usage of a run that was overtaken, marked as lost, beside that of the run that settled", async () => {
    const job = await storedJob(acmeChat);
    const second = testDeps({ fetch: async () => answer() });
    const first = testDeps({
      fetch: async () => {
        await endLease(job.id);
        await ringFor(second, job);
        return answer();
      },
    });
    await ringFor(first, job);
    expect(await theJob(job.id)).toMatchObject({ state: "completed", run: 2 });
    expect((await ledgerOf(job)).results).toEqual([
      { run: 1, lost: 1, input_tokens: 100 },
      { run: 2, lost: 0, input_tokens: 100 },
    ]);
    expect(movesTold(first, job.id)).toEqual(["job.started"]);
  });

  it("has no line for a run that called no model", async () => {
    const job = await storedJob({ task: "gone" });
    await ringFor(testDeps(), job);
    expect((await ledgerOf(job)).results).toEqual([]);
  });
});

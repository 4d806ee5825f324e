import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { childId } from "../../src/core/children";
import { TIMING } from "../../src/core/limits";
import { NO_USAGE } from "../../src/core/usage";
import { rerouteJobs } from "../../src/store/moves";
import { endRun, type Place, returnRun } from "../../src/store/run-ends";
import { insertJobs, type NewJob } from "../../src/store/submit";
import { aNewJob, PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { aResult, claimOne } from "../support/moves";
import { storedIn, storedJob, theJob } from "../support/rows";

/** What D1 charges for a job that is submitted, claimed and completed. */
async function priceOf(over: Partial<NewJob>): Promise<number> {
  const wrapped = wrapDb(env.DB);
  const job = aNewJob(over);
  await insertJobs(wrapped.db, PROJECT, [job], null, TIMING);
  const claimed = await claimOne({ projectId: PROJECT, id: job.id, run: 0 }, wrapped.db);
  if (!claimed) throw new Error("not claimed");
  const output = { bytes: 2, inline: '"a"', key: null };
  const used = {
    run: claimed.run,
    task: "generate",
    model: "sandbox/chat",
    keyId: null,
    price: null,
    usage: NO_USAGE,
  };
  await endRun(wrapped.db, claimed, { state: "completed", move: "complete" }, { ...aResult, output, used });
  expect(await theJob(job.id)).toMatchObject({ state: "completed" });
  return wrapped.rowsWritten();
}

const CACHE = { mode: "refresh" as const, ttl_ms: 1_000, stale_ms: 0, scope: null, tags: [] };

describe("the rows that a job of one attempt writes", () => {
  it("are six for a bare job: two to store it, one each for the claim, the end, the ledger and the sum of its day", async () => {
    expect(await priceOf({})).toBe(6);
  });

  it.each<[string, number, Partial<NewJob>]>([
    ["a channel", 1, { channel: "user-42" }],
    ["an idempotency key", 1, { idempotency_key: "k", hash: "h" }],
    ["a tag, which has a sum of its own", 2, { tags: ["a"] }],
    ["ten tags", 20, { tags: [..."abcdefghij"] }],
    ["metadata", 0, { metadata: '{"a":1}' }],
    ["a delay that is over", 0, { run_at: 1_000 }],
    ["a gate", 2, { pool: "acme/chat" }],
    ["a retention of its own", 1, { retention_ms: 1_000 }],
    ["a cache, when nobody has asked before", 3, { cache: CACHE, cache_key: "k" }],
    // One to store its place in line, one for the claim, which moves it to those that run. The end only takes it out.
    ["a concurrency key", 2, { concurrency_key: "k", concurrency_limit: 1 }],
  ])("are, with %s, %i more", async (_what, more, over) => {
    expect((await priceOf(over)) - (await priceOf({}))).toBe(more);
  });
});

describe("the rows that a child costs", () => {
  it("are one more than those of any job: its parent counts it", async () => {
    const { id } = await storedIn("waiting", { children_total: 2 });
    const child = { id: childId(id, 0), parent_id: id, depth: 1, custom_id: "a" };
    expect((await priceOf(child)) - (await priceOf({}))).toBe(1);
  });

  it("are three more for the last one, which wakes its parent", async () => {
    const { id } = await storedIn("waiting", { children_total: 1 });
    const child = { id: childId(id, 0), parent_id: id, depth: 1, custom_id: "a" };
    expect((await priceOf(child)) - (await priceOf({}))).toBe(3);
  });
});

describe("the rows that another target costs", () => {
  const pool = "acme/chat";
  const to = (elsewhere: string | null): Place => ({ model: "acme/other", pool: elsewhere, route: "{}" });

  async function priceOfRetry(place: Place | null): Promise<number> {
    const wrapped = wrapDb(env.DB);
    const job = await storedIn("running", { pool });
    await returnRun(wrapped.db, job, { move: "retry", delayMs: 0, place }, aResult);
    return wrapped.rowsWritten();
  }

  it.each<[string, number, Place]>([
    ["in the same pool", 0, to(pool)],
    // The jobs in line move to another place in its index, which they do in any case when they are due later.
    ["in another pool", 0, to("acme/chat#KEY_2")],
    ["without a gate", -1, to(null)],
  ])("are, for a retry %s, %i more than for one of the same target", async (_what, more, place) => {
    expect((await priceOfRetry(place)) - (await priceOfRetry(null))).toBe(more);
  });

  it("are three for a job in line that is sent to another pool: itself, and out of one line into the other", async () => {
    const wrapped = wrapDb(env.DB);
    const job = await storedJob({ pool });
    await rerouteJobs(wrapped.db, [{ ...job, from: pool, place: to("acme/chat#KEY_2") }], TIMING);
    expect(wrapped.rowsWritten()).toBe(3);
  });
});

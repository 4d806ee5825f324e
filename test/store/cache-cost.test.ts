import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { CacheSettings } from "../../src/core/cache";
import { cancelJobs } from "../../src/store/moves";
import type { NewJob } from "../../src/store/submit";
import { PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { answer, aSharedJob, storeShared } from "../support/shared-jobs";

beforeEach(async () => {
  for (const table of ["jobs", "cache_entries", "cache_tags", "usage_days"])
    await env.DB.exec(`DELETE FROM ${table}`);
});

async function submit(over: Partial<NewJob> = {}, cache: Partial<CacheSettings> = {}) {
  const wrapped = wrapDb(env.DB);
  const job = aSharedJob(over, cache);
  await storeShared([job], wrapped.db);
  return { id: job.id, written: wrapped.rowsWritten(), read: wrapped.rowsRead() };
}

async function costOfAnswer(id: string): Promise<number> {
  const wrapped = wrapDb(env.DB);
  await answer(id, "tea", PROJECT, wrapped.db);
  return wrapped.rowsWritten();
}

describe("the rows that a job which uses the cache writes", () => {
  it("are, when nobody has asked before, one more to store it and two more at its end: its entry, and when that goes", async () => {
    const { id, written } = await submit();
    expect(written).toBe(3);
    // Claim 1, end 1 (this test writes no ledger), entry 2.
    expect(await costOfAnswer(id)).toBe(4);
  });

  it("are two for a hit: the job and the sum of its day; it is in no line and nobody's to look after", async () => {
    await answer((await submit()).id);
    expect((await submit()).written).toBe(2);
    expect((await submit({ pool: "acme/chat" })).written).toBe(2);
    expect((await submit({ pool: "acme/chat" })).read).toBeLessThan(20);
  });

  it("are three for a follower, in a pool too: it has a place in nobody's line", async () => {
    await submit();
    expect((await submit()).written).toBe(3);
    expect((await submit({ pool: "acme/chat" })).written).toBe(3);
  });

  it("are one for each follower when its leader is answered, and one for all of them in the sum of the day", async () => {
    const { id } = await submit();
    for (let i = 0; i < 10; i++) await submit();
    expect(await costOfAnswer(id)).toBe(4 + 10 + 1);
  });

  it("are two for each follower that comes to wait for another", async () => {
    const { id } = await submit();
    for (let i = 0; i < 10; i++) await submit();
    const wrapped = wrapDb(env.DB);
    await cancelJobs(wrapped.db, [{ projectId: PROJECT, id }]);
    const ofOthers = 9 * 2;
    // The cancelled one and its place among those, the entry, and the next leader: twice its row, its follower's place, its wake time.
    expect(wrapped.rowsWritten() - ofOthers).toBeLessThanOrEqual(8);
  });

  it("are one more for each tag of an answer, and one for its scope", async () => {
    const plain = (await submit({ cache_key: "1" })).id;
    const tagged = await submit({ cache_key: "2" }, { tags: ["a", "b"] });
    expect((await submit({ cache_key: "3" }, { scope: "s" })).written).toBe(tagged.written + 1);
    expect((await costOfAnswer(tagged.id)) - (await costOfAnswer(plain))).toBe(2);
  });
});

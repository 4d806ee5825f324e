import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { enqueue } from "../../src/engine/enqueue";
import { erase } from "../../src/engine/erase";
import { FIRST_CHORES, housekeep } from "../../src/engine/housekeep";
import { purgeCache } from "../../src/engine/purge-cache";
import { isSharedOutput, sharedOutputKey } from "../../src/store/objects";
import { loadOutput } from "../../src/store/outputs";
import { wipeProject } from "../../src/store/wipe-project";
import { eventStream, textChunk } from "../llm/fake-provider";
import { ringFor, type TestDeps, testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import { countRows, theJob } from "../support/rows";

const HOUR_MS = 3_600_000;
const LONG = "long ".repeat(4_000);

beforeEach(async () => {
  for (const table of ["jobs", "cache_entries", "cache_tags"]) await env.DB.exec(`DELETE FROM ${table}`);
  for (const { key } of (await env.BUCKET.list()).objects) await env.BUCKET.delete(key);
});

/** The whole walk, two hours from now: what lies there is no longer new. */
async function walk(): Promise<void> {
  const deps = testDeps({ now: () => Date.now() + 2 * HOUR_MS });
  let chores = FIRST_CHORES;
  do chores = await housekeep(deps, chores);
  while (chores.dueAt <= deps.now() + 60_000);
}

async function objects(): Promise<number> {
  return (await env.BUCKET.list({ prefix: `${PROJECT}/cache/` })).objects.length;
}

/** Three jobs that have the same large answer: one has asked, one has waited, one came later. */
async function shared(deps: TestDeps, text = LONG) {
  const job = {
    task: "generate",
    input: { prompt: "Tell all.", model: "acme/chat" },
    cache: { tags: ["t"] },
  };
  const [leader, follower] = await enqueue(deps, { projectId: PROJECT, jobs: [job, job] });
  if (!leader || !follower) throw new Error("not submitted");
  await ringFor(deps, leader.job);
  const [hit] = await enqueue(deps, { projectId: PROJECT, jobs: [job] });
  await deps.backgroundDone();
  const ids = [leader.job.id, follower.job.id, hit?.job.id ?? ""];
  for (const id of ids)
    expect(JSON.parse((await loadOutput(deps, await theJob(id))) ?? "null").text).toBe(text);
  return ids.map((id) => ({ projectId: PROJECT, id }));
}

const says = (text: string) =>
  testDeps({ fetch: async () => eventStream([textChunk(text), textChunk("", "stop"), "[DONE]"]) });

describe("a large answer that jobs share", () => {
  it("is one object, which outlives whoever has asked, and goes when no entry and no job has it any more", async () => {
    const deps = says(LONG);
    const [leader, follower, hit] = await shared(deps);
    expect(await objects()).toBe(1);
    if (!leader || !follower || !hit) throw new Error("not shared");
    await erase(deps, [leader]);
    await walk();
    expect(JSON.parse((await loadOutput(deps, await theJob(follower.id))) ?? "null").text).toBe(LONG);
    await purgeCache(deps, PROJECT, { tags: ["t"] });
    await erase(deps, [follower]);
    await walk();
    expect(await objects()).toBe(1);
    await erase(deps, [hit]);
    await walk();
    expect(await objects()).toBe(0);
  });

  it("stays as long as its entry, when all jobs are gone", async () => {
    const deps = says(LONG);
    await erase(deps, await shared(deps));
    await walk();
    expect(await objects()).toBe(1);
    await env.DB.exec("UPDATE cache_entries SET drop_at = 1");
    await walk();
    await walk();
    expect([await objects(), await countRows("cache_entries"), await countRows("cache_tags")]).toEqual([
      0, 0, 0,
    ]);
  });

  it("is told from what a project that is called `cache` has", () => {
    const shared = sharedOutputKey({ projectId: "cache", id: "job_1", run: 1 }, "0".repeat(64));
    const others = ["unsettled/cache/job_1/1", "cache/job_1/input", "cache/job_1/1/output"];
    expect([shared, ...others].map(isSharedOutput)).toEqual([true, false, false, false]);
  });

  it("of older jobs is not that of newer ones", async () => {
    const old = says(LONG);
    const [leader] = await shared(old);
    await env.DB.exec("UPDATE cache_entries SET expires_at = 1, drop_at = 1");
    await shared(says(`New ${LONG}`), `New ${LONG}`);
    expect(JSON.parse((await loadOutput(old, await theJob(leader?.id ?? ""))) ?? "null").text).toBe(LONG);
    expect(await objects()).toBe(2);
  });
});

describe("an entry of the cache", () => {
  it("is dropped when its time is over, unless somebody makes a new answer for it", async () => {
    const deps = says("Short");
    await shared(deps, "Short");
    await env.DB.exec("UPDATE cache_entries SET drop_at = 1, job_id = 'job_at_work'");
    await walk();
    expect(await countRows("cache_entries")).toBe(1);
    await env.DB.exec("UPDATE cache_entries SET job_id = NULL");
    await walk();
    expect(await countRows("cache_entries")).toBe(0);
  });

  it("goes with its project", async () => {
    const deps = says(LONG);
    await shared(deps);
    await wipeProject(deps, PROJECT);
    expect([await objects(), await countRows("cache_entries"), await countRows("cache_tags")]).toEqual([
      0, 0, 0,
    ]);
  });
});

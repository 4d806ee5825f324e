import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { CacheSettings } from "../../src/core/cache";
import { childId } from "../../src/core/children";
import { TIMING } from "../../src/core/limits";
import { purgeEntries } from "../../src/store/cache";
import { cancelJobs, expireJob, rerunJobs } from "../../src/store/moves";
import { returnRun, waitRun } from "../../src/store/run-ends";
import type { NewJob } from "../../src/store/submit";
import { PROJECT } from "../support/factory";
import { aResult, claimOne, STORED_ERROR } from "../support/moves";
import { changeRow, countRows, theJob, theRow } from "../support/rows";
import { answer, aSharedJob, fail, storeShared, USED } from "../support/shared-jobs";

beforeEach(async () => {
  for (const table of ["jobs", "cache_entries", "cache_tags", "usage_days"]) {
    await env.DB.exec(`DELETE FROM ${table}`);
  }
});

const key = (id: string) => ({ projectId: PROJECT, id });

async function submit(count: number, cache: Partial<CacheSettings> = {}): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const job = aSharedJob({}, cache);
    await storeShared([job]);
    ids.push(job.id);
  }
  return ids;
}

async function entry(): Promise<Record<string, unknown> | null> {
  return env.DB.prepare("SELECT * FROM cache_entries WHERE key = 'question'").first();
}

describe("a job whose question was answered", () => {
  it("is complete from the beginning, with that answer and what it has saved, and is nobody's to run", async () => {
    const [first = ""] = await submit(1);
    await answer(first);
    const [second = ""] = await submit(1);
    expect(await theJob(second)).toMatchObject({
      ...{ state: "completed", cached: "fresh", saved: USED, usage: null, run: 0, attempt: 0, follows: null },
      ...{ output: '{"text":"tea"}', reason: null, model: "sandbox/chat" },
    });
    expect(await theRow(second)).toMatchObject({ wake_at: null });
    expect((await theJob(second)).finishedAt).toBeGreaterThan(0);
  });

  it.each<[string, Partial<CacheSettings>, string]>([
    ["is asked anew once the answer is older than the job wants it", { ttl_ms: 5_000 }, "pending"],
    ["is asked anew when it wants that", { mode: "refresh" }, "pending"],
    [
      "has the answer past its time, if it says for how long",
      { ttl_ms: 5_000, stale_ms: 6_000 },
      "completed",
    ],
    ["is asked anew when the answer is older than that", { ttl_ms: 5_000, stale_ms: 1_000 }, "pending"],
  ])("%s", async (_what, cache, state) => {
    const [first = ""] = await submit(1, { stale_ms: 60_000 });
    await answer(first);
    await env.DB.exec("UPDATE cache_entries SET created_at = created_at - 10000");
    const [second = ""] = await submit(1, cache);
    expect((await theJob(second)).state).toBe(state);
  });
});

describe("equal jobs in flight", () => {
  it("are one call with many answers, however they come in", async () => {
    const [leader = "", ...rest] = await submit(3);
    const bulk = [aSharedJob({ tags: ["a"] }), aSharedJob(), aSharedJob({ cache_key: "another" })];
    await storeShared(bulk);
    const followers = [...rest, ...bulk.slice(0, 2).map(({ id }) => id)];
    for (const id of followers)
      expect(await theJob(id)).toMatchObject({ state: "waiting", follows: leader, run: 0 });
    expect(await theJob(bulk[2]?.id ?? "")).toMatchObject({ state: "pending", follows: null });
    await answer(leader);
    for (const id of followers)
      expect(await theJob(id)).toMatchObject({
        state: "completed",
        cached: "fresh",
        saved: USED,
        usage: null,
      });
    expect(await entry()).toMatchObject({ job_id: null, output: '{"text":"tea"}' });
  });
});

describe("a leader that ends without an answer", () => {
  it.each(["timeout", "crashed", "expired", "budget_exceeded", "children_exceeded"])(
    "of a reason of its own (%s) is followed by the oldest of the others, who wait for that one",
    async (code) => {
      const [leader = "", heir = "", last = ""] = await submit(3);
      await fail(leader, code);
      expect(await theJob(heir)).toMatchObject({ state: "pending", reason: "queued", follows: null });
      expect(await theJob(last)).toMatchObject({ state: "waiting", follows: heir });
      expect(await entry()).toMatchObject({ job_id: heir });
      await answer(heir);
      expect(await theJob(last)).toMatchObject({ state: "completed" });
    },
  );

  it("because it was cancelled is followed too, and a follower's cancel leaves the others", async () => {
    const [leader = "", second = "", third = "", fourth = ""] = await submit(4);
    await cancelJobs(env.DB, [key(third)]);
    expect(await theJob(third)).toMatchObject({ state: "cancelled", follows: null });
    await cancelJobs(env.DB, [key(leader)]);
    expect(await theJob(second)).toMatchObject({ state: "pending" });
    expect(await theJob(fourth)).toMatchObject({ state: "waiting", follows: second });
  });

  it("is told by nobody: a follower's own time passes, and it fails alone", async () => {
    const [leader = "", second = "", third = ""] = await submit(3);
    await changeRow(second, { expires_at: 1 });
    await expireJob(env.DB, key(second), STORED_ERROR);
    expect(await theJob(second)).toMatchObject({ state: "failed", follows: null });
    await answer(leader);
    expect(await theJob(third)).toMatchObject({ state: "completed" });
  });

  it("for a reason that all of them share takes them with it, with the same error", async () => {
    const [leader = "", second = ""] = await submit(2);
    await fail(leader, "content_refused");
    expect(await theJob(second)).toMatchObject({
      ...{ state: "failed", follows: leader, fingerprint: "0123456789abcdef" },
      error: { code: "content_refused" },
    });
    expect(await entry()).toBeNull();
    await rerunJobs(env.DB, [{ ...key(second), delayMs: 0 }], TIMING);
    expect(await theJob(second)).toMatchObject({ state: "pending", follows: null, error: null });
    await answer(second);
    expect(await entry()).toMatchObject({ output: '{"text":"tea"}' });
  });

  it("because its budget is used up takes those with it that pay from the same and do not wait for it", async () => {
    const paying = (over: Partial<NewJob>) => aSharedJob({ on_budget: "fail", ...over });
    const jobs = [paying({}), paying({}), paying({ key_id: "other" }), paying({ on_budget: null })];
    await storeShared(jobs);
    await fail(jobs[0]?.id ?? "", "budget_exceeded");
    const states = await Promise.all(jobs.map(async ({ id }) => (await theJob(id)).state));
    expect(states).toEqual(["failed", "failed", "pending", "waiting"]);
  });

  it("keeps its followers waiting while it goes back into the line", async () => {
    const [leader = "", second = ""] = await submit(2);
    const claimed = await claimOne({ ...key(leader), run: 0 });
    if (!claimed) throw new Error("not claimed");
    await returnRun(env.DB, claimed, { move: "retry", delayMs: 0 }, aResult);
    expect(await theJob(second)).toMatchObject({ state: "waiting", follows: leader });
    await answer(leader);
    expect(await theJob(second)).toMatchObject({ state: "completed" });
  });

  it("and makes children lets those go that are below it, and waits for none of them", async () => {
    const parent = aSharedJob();
    const childOf = (index: number) =>
      aSharedJob({ id: childId(parent.id, index), parent_id: parent.id, depth: 1 });
    await storeShared([parent]);
    const claimed = await claimOne({ ...key(parent.id), run: 0 });
    if (!claimed) throw new Error("not claimed");
    const waiting = {
      children: [childOf(0), childOf(1)],
      turnState: "1",
      onChildFailure: "fail",
      seen: 0,
    } as const;
    await waitRun(env.DB, claimed, { ...waiting, children: [...waiting.children] }, aResult, TIMING);
    for (const index of [0, 1]) {
      const id = childId(parent.id, index);
      expect(await theJob(id)).toMatchObject({ state: "pending", follows: null });
      await answer(id);
    }
    expect(await theJob(parent.id)).toMatchObject({ state: "pending", children: { completed: 2 } });
  });
});

describe("what scheduled jobs ask", () => {
  it("they ask when their time comes: nobody waits for them, and their answer is kept", async () => {
    const scheduled = aSharedJob({ delay_ms: 60_000 });
    await storeShared([scheduled]);
    const [now = ""] = await submit(1);
    expect(await theJob(now)).toMatchObject({ state: "pending", follows: null });
    expect(await theJob(scheduled.id)).toMatchObject({ state: "pending", reason: "scheduled" });
    await changeRow(scheduled.id, { run_at: 1 });
    await answer(scheduled.id, "late");
    expect(await entry()).toMatchObject({ job_id: now, output: '{"text":"late"}' });
  });
});

describe("a purge", () => {
  it("leaves what other projects have and make", async () => {
    const ofBoth = [PROJECT, "other"];
    for (const project of ofBoth) {
      const leader = aSharedJob({}, { tags: ["a"] });
      await storeShared([leader], env.DB, project);
      await answer(leader.id, "tea", project);
      await storeShared([aSharedJob({}, { mode: "refresh" })], env.DB, project);
    }
    expect(await purgeEntries(env.DB, PROJECT, { tags: ["a"] })).toBe(1);
    expect(await purgeEntries(env.DB, PROJECT, {})).toBe(0);
    const { results } = await env.DB.prepare(
      "SELECT project_id, output, job_id > '' AS led FROM cache_entries",
    ).all();
    expect(results).toEqual([
      { project_id: PROJECT, output: null, led: 1 },
      { project_id: "other", output: '{"text":"tea"}', led: 1 },
    ]);
    expect(await countRows("cache_tags")).toBe(1);
  });
});

describe("the usage of a project", () => {
  it("has what was not asked again, by day, model, key and tag", async () => {
    const [leader = ""] = await submit(1);
    await storeShared([aSharedJob({ tags: ["a"], key_id: "k" }), aSharedJob()]);
    await answer(leader);
    await storeShared([aSharedJob({ tags: ["a"] })]);
    const { results } = await env.DB.prepare(
      "SELECT tag, key_id, runs, cache_hits, saved_input_tokens, saved_output_tokens, saved_nano_usd FROM usage_days ORDER BY 1, 2",
    ).all();
    const line = (tag: string, key_id: string, hits: number) => ({
      ...{ tag, key_id, runs: 0, cache_hits: hits, saved_input_tokens: 10 * hits },
      ...{ saved_output_tokens: 20 * hits, saved_nano_usd: 500_000_000 * hits },
    });
    expect(results).toEqual([line("", "", 2), line("", "k", 1), line("a", "", 1), line("a", "k", 1)]);
  });
});

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { childId } from "../../src/core/children";
import { answerDoorbells } from "../../src/engine/answer";
import { cancelAll } from "../../src/engine/cancel";
import type { JobRequest } from "../../src/engine/check-jobs";
import { enqueue } from "../../src/engine/enqueue";
import { retry } from "../../src/engine/retry";
import { eventStream, failure, textChunk, usageChunk } from "../llm/fake-provider";
import { movesTold, ringFor, type TestDeps, takeRungIds, testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import { leavesRun, runFamily, storedFamily, withFamilies } from "../support/families";
import { wrapDb } from "../support/faulty-db";
import { countRows, theJob } from "../support/rows";

withFamilies();

beforeEach(async () => {
  for (const table of ["jobs", "cache_entries", "cache_tags"]) await env.DB.exec(`DELETE FROM ${table}`);
});

const USAGE = { prompt_tokens: 10, completion_tokens: 20 };

/** A provider that counts its calls, and says their number. */
function counting(over: Parameters<typeof testDeps>[0] = {}): TestDeps & { calls(): number } {
  let calls = 0;
  const fetch = async () => {
    calls += 1;
    return eventStream([textChunk(`Answer ${calls}`), textChunk("", "stop"), usageChunk(USAGE), "[DONE]"]);
  };
  return Object.assign(testDeps({ fetch, ...over }), { calls: () => calls });
}

const asking = (over: Partial<JobRequest> = {}): JobRequest => ({
  ...{ task: "generate", input: { prompt: "Tea in Lisbon", model: "acme/chat" }, cache: {} },
  ...over,
});

async function submit(deps: TestDeps, over: Partial<JobRequest> = {}) {
  const [submitted] = await enqueue(deps, { projectId: PROJECT, jobs: [asking(over)] });
  if (!submitted) throw new Error("not submitted");
  await deps.backgroundDone();
  return submitted.job;
}

/** Runs all that was rung. */
async function runAll(deps: TestDeps): Promise<void> {
  for (let ids = takeRungIds(deps); ids.length > 0; ids = takeRungIds(deps)) {
    await ringFor(deps, ...ids.map((id) => ({ projectId: PROJECT, id })));
  }
}

async function outputs(): Promise<Map<string, number>> {
  const sql = "SELECT output, COUNT(*) AS count FROM jobs WHERE state = 'completed' GROUP BY output";
  const { results } = await env.DB.prepare(sql).all<{ output: string; count: number }>();
  return new Map(results.map(({ output, count }) => [(JSON.parse(output) as { text: string }).text, count]));
}

describe("a thousand equal jobs", () => {
  it("submitted side by side are one call with a thousand answers, of which all are told", async () => {
    const deps = counting();
    const submitted = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) =>
        enqueue(deps, { projectId: PROJECT, jobs: [asking({ channel: `user-${i % 10}` })] }),
      ),
    );
    await deps.backgroundDone();
    expect(deps.rung.length).toBe(1);
    await runAll(deps);
    expect(deps.calls()).toBe(1);
    expect(await outputs()).toEqual(new Map([["Answer 1", 1_000]]));
    const ended = new Set(
      deps.published.flatMap(({ type, job_id }) => (type === "job.completed" ? [job_id] : [])),
    );
    expect(ended.size).toBe(1_000);
    expect(submitted.flat().every(({ job }) => ended.has(job.id))).toBe(true);
  }, 60_000);

  it("in one bulk are one call too, and a thousand more after it are none", async () => {
    const deps = counting();
    const jobs = Array.from({ length: 1_000 }, () => asking());
    await enqueue(deps, { projectId: PROJECT, jobs, list: true });
    await deps.backgroundDone();
    await runAll(deps);
    await enqueue(deps, { projectId: PROJECT, jobs, list: true });
    await deps.backgroundDone();
    expect(deps.rung).toEqual([]);
    expect(deps.calls()).toBe(1);
    expect(await outputs()).toEqual(new Map([["Answer 1", 2_000]]));
  }, 60_000);
});

describe("a job by another name of its model", () => {
  it("asks the same, and one by a name that stands for more models does not", async () => {
    const aliases = {
      writer: "acme/chat",
      any: [
        { model: "acme/chat", weight: null },
        { model: "acme/limited", weight: null },
      ],
    };
    const deps = counting({ models: { aliases } });
    const leader = await submit(deps);
    const named = (model: string) => submit(deps, { input: { model, prompt: "Tea in Lisbon" } });
    expect((await named("writer")).follows).toBe(leader.id);
    expect((await named("any")).state).toBe("pending");
  });
});

describe("a live call", () => {
  it("that asks what is being asked waits for that, and one that was answered is complete at once", async () => {
    const deps = counting();
    const leader = await submit(deps);
    const [live] = await enqueue(deps, { projectId: PROJECT, jobs: [asking({ stream: true })], live: true });
    expect(live?.job).toMatchObject({ state: "waiting", follows: leader.id, run: 0 });
    await runAll(deps);
    expect(await theJob(live?.job.id ?? "")).toMatchObject({ state: "completed", cached: "fresh" });
    const [again] = await enqueue(deps, { projectId: PROJECT, jobs: [asking({ stream: true })], live: true });
    expect(again?.job).toMatchObject({ state: "completed", cached: "fresh", run: 0 });
    expect(deps.calls()).toBe(1);
  });

  it("that is answered asks no gate for a turn", async () => {
    const gates = {
      getByName: () => ({ ask: () => Promise.reject(new Error("asked")) }),
    } as unknown as TestDeps["gates"];
    const deps = counting();
    const input = { prompt: "Tea in Lisbon", model: "acme/limited" };
    const first = await submit(deps, { input });
    await ringFor(deps, first);
    const closed = counting({ gates });
    const jobs = [asking({ input, stream: true })];
    const [live] = await enqueue(closed, { projectId: PROJECT, jobs, live: true });
    expect(live?.job).toMatchObject({ state: "completed", cached: "fresh" });
    expect(closed.logs).toEqual([]);
  });
});

describe("an answer past its time", () => {
  it("is given at once, and one job makes a new one behind it, however many are given it", async () => {
    const deps = counting();
    const cache = { ttl_s: 60, stale_s: 600 };
    await submit(deps, { cache });
    await runAll(deps);
    await env.DB.exec(
      "UPDATE cache_entries SET created_at = created_at - 120000, expires_at = expires_at - 120000",
    );
    const given = await Promise.all([1, 2, 3].map(() => submit(deps, { cache, channel: "c", tags: ["t"] })));
    for (const job of given) {
      expect(job).toMatchObject({ state: "completed", cached: "stale" });
      expect(movesTold(deps, job.id)).toEqual(["job.completed"]);
    }
    expect(deps.logs.filter(({ event }) => event === "not_revalidated")).toEqual([]);
    const [bell, ...more] = deps.rung;
    expect(more).toEqual([]);
    // The one that was answered, three that were given its answer, and the one that asks again.
    expect(await countRows("jobs")).toBe(5);
    expect(await theJob(bell?.id ?? "")).toMatchObject({
      lane: "bulk",
      channel: null,
      tags: ["t"],
      cached: null,
    });
    await runAll(deps);
    expect(deps.calls()).toBe(2);
    expect(await theJob((await submit(deps, { cache })).id)).toMatchObject({ cached: "fresh" });
    expect(deps.rung).toEqual([]);
  });
});

describe("a leader that ends without an answer", () => {
  it("leaves its place to the oldest follower, who is rung and told of", async () => {
    const deps = counting();
    const leader = await submit(deps);
    const next = await submit(deps, { channel: "c" });
    const last = await submit(deps);
    takeRungIds(deps);
    await cancelAll(deps, [leader]);
    await deps.backgroundDone();
    expect(deps.rung.map(({ id }) => id)).toEqual([next.id]);
    expect(movesTold(deps, next.id)).toEqual(["job.waiting", "job.submitted"]);
    await runAll(deps);
    expect(await theJob(last.id)).toMatchObject({ state: "completed", cached: "fresh" });
    expect(deps.calls()).toBe(1);
  });

  it("of what concerns all fails them too, and a retry of one is an ordinary one", async () => {
    let refuses = true;
    const fetch = async () =>
      refuses
        ? failure(400, { message: "no" })
        : eventStream([textChunk("Yes"), textChunk("", "stop"), "[DONE]"]);
    const deps = testDeps({ fetch });
    await submit(deps);
    const follower = await submit(deps, { channel: "c" });
    await runAll(deps);
    expect(await theJob(follower.id)).toMatchObject({
      state: "failed",
      error: { code: "provider_bad_request" },
    });
    expect(movesTold(deps, follower.id)).toEqual(["job.waiting", "job.failed"]);
    refuses = false;
    await retry(deps, follower);
    await deps.backgroundDone();
    await runAll(deps);
    expect(await theJob(follower.id)).toMatchObject({ state: "completed", cached: null, follows: null });
  });
});

describe("a retry of a completed job that uses the cache", () => {
  it("asks anew", async () => {
    const deps = counting();
    const job = await submit(deps);
    await runAll(deps);
    const copy = await retry(deps, job);
    await deps.backgroundDone();
    await runAll(deps);
    expect(await theJob(copy.id)).toMatchObject({ state: "completed", cached: null, rerunOf: job.id });
    expect(deps.calls()).toBe(2);
  });
});

describe("children that ask the same", () => {
  it("are one call, and their parent goes on when they have it", async () => {
    const deps = testDeps();
    const parent = await storedFamily({ children: [{ say: "a" }, { say: "a" }, { say: "b" }], cache: {} });
    const done = await runFamily(deps, parent);
    expect(JSON.parse(done.output ?? "null")).toEqual({ said: ["a", "a", "b"], open: 0 });
    expect([...leavesRun]).toEqual([
      ["a", 1],
      ["b", 1],
    ]);
    expect(await theJob(childId(parent.id, 1))).toMatchObject({ cached: "fresh", usage: null });
    const again = await runFamily(
      deps,
      await storedFamily({ children: [{ say: "a" }, { say: "b" }], cache: {} }),
    );
    expect(again).toMatchObject({ state: "completed", children: { completed: 2 } });
    expect([...leavesRun.values()]).toEqual([1, 1]);
  });
});

describe("when something breaks", () => {
  it("a settle whose answer got lost is done once, and all followers are told", async () => {
    const wrapped = wrapDb(env.DB);
    const deps = counting({ db: wrapped.db });
    const leader = await submit(deps);
    const follower = await submit(deps, { channel: "c" });
    wrapped.loseAnswers(1, "lease_until = NULL");
    await runAll(deps);
    for (const { id } of [leader, follower]) expect((await theJob(id)).state).toBe("completed");
    expect(movesTold(deps, follower.id)).toEqual(["job.waiting", "job.completed"]);
    expect(deps.calls()).toBe(1);
  });

  it("followers that nobody was told of after their leader's settle are told of when its doorbell comes again", async () => {
    const deps = counting();
    const leader = await submit(deps);
    const follower = await submit(deps, { channel: "c" });
    const wrapped = wrapDb(env.DB);
    wrapped.fail(100, "jobs_following");
    const dying = counting({ db: wrapped.db });
    await ringFor(dying, leader);
    expect((await theJob(follower.id)).state).toBe("completed");
    expect(movesTold(dying, follower.id)).toEqual([]);
    await answerDoorbells(deps, [{ p: PROJECT, id: leader.id }]);
    await deps.backgroundDone();
    expect(movesTold(deps, follower.id)).toEqual(["job.waiting", "job.completed"]);
  });

  it("a submit that is repeated because its answer got lost leads, or follows, once", async () => {
    const wrapped = wrapDb(env.DB);
    const deps = counting({ db: wrapped.db });
    for (let i = 0; i < 2; i++) {
      wrapped.loseAnswers(1, "INSERT INTO jobs");
      await submit(deps);
    }
    const { results } = await env.DB.prepare("SELECT state FROM jobs ORDER BY id").all<{ state: string }>();
    expect(results.map(({ state }) => state)).toEqual(["pending", "waiting"]);
    await runAll(deps);
    expect(await outputs()).toEqual(new Map([["Answer 1", 2]]));
  });

  it("a used-up budget refuses no job that is answered", async () => {
    const deps = counting();
    await submit(deps);
    await runAll(deps);
    await env.DB.exec(
      `INSERT INTO budgets (project_id, key_id, tokens_per_day) VALUES ('${PROJECT}', '', 0)`,
    );
    const job = await submit(deps, { on_budget: "fail" });
    await env.DB.exec("DELETE FROM budgets");
    expect(job).toMatchObject({ state: "completed", cached: "fresh" });
  });
});

import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { Job } from "../../src/core/job";
import { jobLogId, type LogMessage } from "../../src/core/streams/job-log";
import { shardOf } from "../../src/core/streams/stream";
import { cancelAll } from "../../src/engine/cancel";
import { runJob } from "../../src/engine/run";
import { createRunTools } from "../../src/engine/run-batch";
import { storeText } from "../../src/store/objects";
import { acmeChat, answer, eventStream, failure, textChunk } from "../llm/fake-provider";
import { brokenBucket, brokenHubs, movesTold, promptFor, ringFor, testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { claimOne } from "../support/moves";
import { changeRow, storedJob, theRow } from "../support/rows";

/** The words in the job's stream. */
async function textInStream(job: Job): Promise<string> {
  const id = jobLogId(job);
  const answer = await env.JOB_LOG.getByName(shardOf(id)).read(id, "start", null);
  if (answer.kind !== "read") throw new Error(answer.kind);
  const lines = new TextDecoder().decode(answer.page.data).split("\n").filter(Boolean);
  const messages = lines.map((line) => JSON.parse(line) as LogMessage);
  return messages.map((message) => (message.type === "text" ? message.text : "")).join("");
}

describe("a run", () => {
  it("leads a job from the doorbell to its output", async () => {
    const deps = testDeps();
    const job = await storedJob(promptFor("reply=Good morning"));
    const [now] = await ringFor(deps, job);
    expect(now).toMatchObject({ state: "completed", run: 1, attempt: 1, error: null });
    expect(JSON.parse(now?.output ?? "")).toMatchObject({ text: "Good morning", finish_reason: "stop" });
    expect(now?.usage?.output_tokens).toBeGreaterThan(0);
    expect(movesTold(deps, job.id)).toEqual(["job.started", "job.completed"]);
  });

  it("prices what the provider has counted", async () => {
    const deps = testDeps({ fetch: async () => answer() });
    const [now] = await ringFor(deps, await storedJob(acmeChat));
    // 100 tokens at $1 and 10 at $10 a million.
    expect(now?.usage).toMatchObject({ input_tokens: 100, output_tokens: 10, cost_usd: 0.0002 });
  });

  it("tells a job's text in its stream when it was asked to, in order and whole", async () => {
    const job = await storedJob({ ...promptFor("tokens=40,tps=200"), stream: true });
    const [now] = await ringFor(testDeps(), job);
    expect(await textInStream(job)).toBe(JSON.parse(now?.output ?? "").text);
  });

  it("keeps the text to itself when it was not asked to stream", async () => {
    const job = await storedJob(promptFor("tokens=40"));
    await ringFor(testDeps(), job);
    expect(await textInStream(job)).toBe("");
  });

  it("reads a large input from R2", async () => {
    const prompt = "Tea ".repeat(5_000);
    const stored = await storeText(
      testDeps(),
      { projectId: PROJECT, id: "large" },
      "default/large/input",
      JSON.stringify({ prompt }),
    );
    expect(stored.inline).toBeNull();
    const job = await storedJob({ input: null, input_key: stored.key, input_bytes: stored.bytes });
    const [now] = await ringFor(testDeps(), job);
    expect(now).toMatchObject({ state: "completed" });
    expect(now?.usage?.input_tokens).toBeGreaterThan(4_999);
  });

  it("uses no attempt while the large input cannot be read", async () => {
    const job = await storedJob({ input: null, input_key: "default/nowhere/input", input_bytes: 9_000 });
    const [now] = await ringFor(testDeps({ bucket: brokenBucket() }), job);
    expect(now).toMatchObject({ state: "pending", reason: "retrying", error: { code: "store_unavailable" } });
    expect(now?.attempt).toBe(0);
  });

  it("fails when the large input is not there, which no waiting mends", async () => {
    const job = await storedJob({ input: null, input_key: "default/nowhere/input", input_bytes: 9_000 });
    const [now] = await ringFor(testDeps(), job);
    expect(now).toMatchObject({ state: "failed", error: { code: "object_missing" } });
  });

  it("completes in the second attempt what failed in the first", async () => {
    const deps = testDeps();
    const job = await storedJob(promptFor("status=500,times=1"));
    const [failed] = await ringFor(deps, job);
    expect(failed).toMatchObject({ state: "pending", reason: "retrying", error: { code: "provider_error" } });
    expect(deps.armed).toHaveLength(1);
    await changeRow(job.id, { run_at: 0 });
    const [now] = await ringFor(deps, job);
    expect(now).toMatchObject({ state: "completed", run: 2, attempt: 2 });
    expect(now?.attempts.map(({ error }) => error?.code)).toEqual(["provider_error", undefined]);
    expect(movesTold(deps, job.id)).toEqual(["job.started", "job.retrying", "job.started", "job.completed"]);
  });

  it.each([
    ["status=400", "provider_bad_request"],
    ["status=401", "provider_auth"],
    ["refuse", "content_refused"],
  ])("fails at once for %s", async (options, code) => {
    const [now] = await ringFor(testDeps(), await storedJob(promptFor(options)));
    expect(now).toMatchObject({ state: "failed", attempt: 1, error: { code } });
  });

  it("waits as long as the provider's retry-after says", async () => {
    const job = await storedJob(promptFor("status=429,retry_after=300"));
    const [now] = await ringFor(testDeps(), job);
    expect((now?.runAt ?? 0) - Date.now()).toBeGreaterThan(295_000);
  });

  it("fails a task that does not exist, but tries again, for the next deploy may bring it", async () => {
    const [now] = await ringFor(testDeps(), await storedJob({ task: "nonsense" }));
    expect(now).toMatchObject({ state: "pending", reason: "retrying", error: { code: "unknown_task" } });
  });

  it("fails an input that does not fit the task of this deployment", async () => {
    const [now] = await ringFor(testDeps(), await storedJob({ input: '{"nonsense":1}' }));
    expect(now).toMatchObject({ state: "failed", error: { code: "input_invalid" } });
  });

  it("counts an exception nobody expected as a failure of the task, and tries again", async () => {
    const deps = testDeps();
    const [now] = await ringFor(deps, await storedJob({ input: "{ not JSON" }));
    expect(now).toMatchObject({ state: "pending", error: { code: "task_failed", retryable: true } });
    expect(deps.logs).toContainEqual(expect.objectContaining({ event: "task_failed" }));
  });

  it("ends an attempt that takes longer than its time, and tries again", async () => {
    const job = await storedJob({ ...promptFor("ttft_ms=60000"), timeout_ms: 50 });
    const [now] = await ringFor(testDeps(), job);
    expect(now).toMatchObject({ state: "pending", reason: "retrying", error: { code: "timeout" } });
  });

  it("counts what an attempt used that ran out of time", async () => {
    const fetch = async (_url: unknown, init?: RequestInit) =>
      eventStream([textChunk("Hello there, this is a beginning")], { ...init, hang: true });
    const job = await storedJob({ ...acmeChat, timeout_ms: 100 });
    const [now] = await ringFor(testDeps({ fetch }), job);
    expect(now?.usage).toMatchObject({ estimated: true });
    expect(now?.usage?.output_tokens).toBeGreaterThan(0);
  });

  it("completes though no hub answers", async () => {
    const deps = testDeps({ hubs: brokenHubs() });
    const [now] = await ringFor(deps, await storedJob());
    expect(now).toMatchObject({ state: "completed" });
    expect(deps.logs).toContainEqual(expect.objectContaining({ event: "announce_failed" }));
  });

  it("names neither prompt nor output nor key in the log", async () => {
    const deps = testDeps({ fetch: async () => failure(500) });
    await ringFor(deps, await storedJob(acmeChat), await storedJob(promptFor("reply=Good morning")));
    expect(deps.logs.length).toBeGreaterThan(0);
    expect(JSON.stringify(deps.logs)).not.toMatch(/Lisbon|Good morning|sk-acme/);
  });
});

describe("a run whose database goes away", () => {
  it("settles once it is back, without a second call to the model", async () => {
    const wrapped = wrapDb(env.DB);
    let calls = 0;
    const fetch = async () => {
      calls += 1;
      return answer();
    };
    const deps = testDeps({ db: wrapped.db, fetch });
    const job = await storedJob(acmeChat);
    wrapped.fail(2, "finished_at =");
    const [now] = await ringFor(deps, job);
    expect(now).toMatchObject({ state: "completed", attempt: 1, run: 1 });
    expect(calls).toBe(1);
    expect(movesTold(deps, job.id)).toEqual(["job.started", "job.completed"]);
  });

  it("counts its answer once when only the reply of the write got lost", async () => {
    const wrapped = wrapDb(env.DB);
    const deps = testDeps({ db: wrapped.db, fetch: async () => answer() });
    const job = await storedJob(acmeChat);
    wrapped.loseAnswers(1, "finished_at =");
    const [now] = await ringFor(deps, job);
    expect(now).toMatchObject({ state: "completed", version: 3 });
    expect(now?.usage?.input_tokens).toBe(100);
    expect(movesTold(deps, job.id)).toEqual(["job.started", "job.completed"]);
  });

  it("leaves the job to its lease when neither the database nor R2 takes its end", async () => {
    const wrapped = wrapDb(env.DB);
    // Every look at the clock is ten seconds later.
    let now = Date.now();
    const deps = testDeps({ db: wrapped.db, bucket: brokenBucket(), now: () => (now += 10_000) });
    const job = await storedJob();
    wrapped.fail(100, "finished_at =");
    const [left] = await ringFor(deps, job);
    expect(left).toMatchObject({ state: "running" });
    expect(deps.logs).toContainEqual(expect.objectContaining({ event: "settle_failed" }));
    expect(movesTold(deps, job.id)).toEqual(["job.started"]);
  });
});

describe("a run that was overtaken", () => {
  it("writes nothing and announces nothing", async () => {
    const deps = testDeps();
    const job = await storedJob();
    const first = await claimOne({ ...job, run: 0 });
    await changeRow(job.id, { lease_until: 1_000 });
    await claimOne({ ...job, run: 1 });
    if (!first) throw new Error("not claimed");
    const before = await theRow(job.id);
    const tools = createRunTools(deps);
    await runJob(deps, tools.watch.add(first), tools);
    expect(await theRow(job.id)).toEqual(before);
    expect(movesTold(deps, job.id)).toEqual(["job.started"]);
    expect(deps.logs).toContainEqual(expect.objectContaining({ event: "run_superseded" }));
  });
});

describe("a run that is asked to stop", () => {
  it("ends cancelled within a few seconds, and keeps the text so far and what it cost", async () => {
    const deps = testDeps();
    const job = await storedJob({ ...promptFor("tokens=4000,tps=50"), stream: true });
    const ran = ringFor(deps, job);
    await vi.waitFor(async () => expect(await textInStream(job)).not.toBe(""), { timeout: 8_000 });
    await cancelAll(deps, [{ projectId: PROJECT, id: job.id }]);
    const [now] = await ran;
    expect(now).toMatchObject({ state: "cancelled", error: null, reason: null });
    expect(JSON.parse(now?.output ?? "")).toMatchObject({ finish_reason: "cancelled" });
    expect(JSON.parse(now?.output ?? "").text.length).toBeGreaterThan(0);
    expect(now?.usage).toMatchObject({ estimated: true });
    expect(movesTold(deps, job.id)).toEqual(["job.started", "job.cancelling", "job.cancelled"]);
  });

  it("keeps the reasoning when the model has not come to speak", async () => {
    const job = await storedJob(acmeChat);
    const thought = { choices: [{ index: 0, delta: { reasoning: "Tea or coffee?" }, finish_reason: null }] };
    const deps = testDeps({
      fetch: async (_, init) => {
        await cancelAll(deps, [job]);
        return eventStream([thought], { hang: true, signal: init?.signal });
      },
    });
    const [now] = await ringFor(deps, job);
    expect(now).toMatchObject({ state: "cancelled", usage: { reasoning_tokens: 4, estimated: true } });
    expect(JSON.parse(now?.output ?? "")).toMatchObject({ text: "", reasoning: "Tea or coffee?" });
  });

  it("ends cancelled even when it fails at that moment in a way that would be retried", async () => {
    const job = await storedJob(acmeChat);
    const deps = testDeps({
      fetch: async () => {
        await cancelAll(deps, [job]);
        return failure(503);
      },
    });
    const [now] = await ringFor(deps, job);
    expect(now).toMatchObject({ state: "cancelled", attempt: 1 });
    expect(movesTold(deps, job.id).at(-1)).toBe("job.cancelled");
  });
});

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { AppError, ERRORS, type ErrorCode } from "../../src/core/errors";
import type { Job } from "../../src/core/job";
import { KEPT_ATTEMPTS, MAX_TURNS } from "../../src/core/limits";
import { again, done, type Outcome } from "../../src/core/outcome";
import { NO_USAGE } from "../../src/core/usage";
import { type RunEnd, settle } from "../../src/engine/settle";
import { askToStop } from "../../src/store/moves";
import { brokenBucket, testDeps } from "../support/deps";
import { wrapDb } from "../support/faulty-db";
import { claimOne } from "../support/moves";
import { changeRow, type Row, storedIn, storedJob, theJob, theRow } from "../support/rows";

const usage = { input_tokens: 10, output_tokens: 20, cached_tokens: 0, reasoning_tokens: 0, cost_usd: 0.25 };

function ended(outcome: Outcome): RunEnd {
  return { result: { ok: true, outcome }, usage, progress: null, startedAt: Date.now() - 1_000, run: 1 };
}

function broken(error: AppError, partial: unknown = null): RunEnd {
  return {
    result: { ok: false, error, partial },
    usage,
    progress: null,
    startedAt: Date.now() - 1_000,
    run: 1,
  };
}

const running = (changes: Row = {}) => storedIn("running", changes);
const dueInMs = (job: Job | null) => (job?.runAt ?? 0) - Date.now();

const codes = Object.keys(ERRORS) as ErrorCode[];
// Of these the job knows nothing: it was not tried.
const notTried: ErrorCode[] = ["store_unavailable", "gate_wait"];
const retryable = codes.filter((code) => ERRORS[code].retryable && !notTried.includes(code));
const final = codes.filter((code) => !ERRORS[code].retryable && code !== "cancelled");

describe("settle", () => {
  it("completes a job whose task is done, with its output", async () => {
    const job = await running();
    expect(await settle(testDeps(), job, ended(done({ text: "hello" })))).toMatchObject({
      state: "completed",
    });
    expect(await theJob(job.id)).toMatchObject({ output: '{"text":"hello"}', outputBytes: 16, usage });
  });

  it("stores an output of undefined as null", async () => {
    const job = await running();
    await settle(testDeps(), job, ended(done(undefined)));
    expect(await theJob(job.id)).toMatchObject({ state: "completed", output: "null" });
  });

  it.each(retryable)("tries a job again after %s, and says why", async (code) => {
    const job = await running();
    const moved = await settle(testDeps(), job, broken(new AppError(code)));
    expect(moved).toMatchObject({ state: "pending", reason: "retrying", attempt: 1, run: 1 });
    expect(moved?.error).toEqual({ code, message: ERRORS[code].message, retryable: true });
  });

  it.each(retryable)("fails a job after %s once its attempts are used up", async (code) => {
    const job = await running({ attempt: 5 });
    expect(await settle(testDeps(), job, broken(new AppError(code)))).toMatchObject({
      ...{ state: "failed", reason: null },
      error: { code },
    });
  });

  it("defers a job that our own storage kept from being tried, and takes no attempt for it", async () => {
    const job = await running({ attempt: 5 });
    const moved = await settle(testDeps(), job, broken(new AppError("store_unavailable")));
    expect(moved).toMatchObject({ state: "pending", reason: "retrying", attempt: 4, run: 1 });
    expect(dueInMs(moved)).toBeGreaterThan(9_000);
  });

  it.each(final)("fails a job at once after %s", async (code) => {
    const moved = await settle(testDeps(), await running(), broken(new AppError(code)));
    expect(moved).toMatchObject({ state: "failed", error: { code, retryable: false } });
  });

  it("obeys the provider over the table when it says whether to retry", async () => {
    const stubborn = new AppError("provider_bad_request", { retryable: true });
    expect(await settle(testDeps(), await running(), broken(stubborn))).toMatchObject({ state: "pending" });
    const hopeless = new AppError("provider_error", { retryable: false });
    expect(await settle(testDeps(), await running(), broken(hopeless))).toMatchObject({ state: "failed" });
  });

  it("waits at least as long as the provider asked, however long that is", async () => {
    const error = new AppError("provider_rate_limited", { retryAfterMs: 7_200_000 });
    const moved = await settle(testDeps({ random: () => 0 }), await running(), broken(error));
    expect(dueInMs(moved)).toBeGreaterThan(7_190_000);
    expect((await theRow(moved?.id ?? ""))?.wake_at).toBe(moved?.runAt);
  });

  it("backs off for longer from attempt to attempt", async () => {
    const error = new AppError("provider_error");
    const deps = testDeps({ random: () => 1 });
    const first = await settle(deps, await running(), broken(error));
    const fourth = await settle(deps, await running({ attempt: 4 }), broken(error));
    expect(dueInMs(first)).toBeLessThanOrEqual(1_000);
    expect(dueInMs(fourth)).toBeGreaterThan(7_000);
  });

  it("adds up the usage of all attempts and remembers each", async () => {
    const job = await running();
    await settle(testDeps(), job, broken(new AppError("provider_error")));
    await changeRow(job.id, { run_at: 0 });
    const second = await claimOne({ ...job, run: 1 });
    await settle(testDeps(), second ?? job, ended(done(1)));
    const now = await theJob(job.id);
    expect(now.usage).toMatchObject({ input_tokens: 20, output_tokens: 40, cost_usd: 0.5 });
    expect(now.attempts.map(({ attempt, error }) => [attempt, error?.code])).toEqual([
      [1, "provider_error"],
      [2, undefined],
    ]);
  });

  it("remembers the newest attempts only", async () => {
    const record = { attempt: 1, started_at: "", ended_at: "", error: null, model: null, usage: NO_USAGE };
    const attempts = JSON.stringify(Array.from({ length: KEPT_ATTEMPTS }, () => record));
    const job = await running({ attempt: 21, max_attempts: 50, attempts });
    await settle(testDeps(), job, broken(new AppError("provider_error")));
    const now = await theJob(job.id);
    expect(now.attempts).toHaveLength(KEPT_ATTEMPTS);
    expect(now.attempts.at(-1)).toMatchObject({ attempt: 21 });
  });

  it("keeps usage unknown as it was when a run used nothing", async () => {
    const job = await running();
    await settle(testDeps(), job, { ...ended(done(1)), usage: null });
    expect((await theJob(job.id)).usage).toBeNull();
  });

  it("stores a large output in R2 and not in the row", async () => {
    const job = await running();
    const text = "ä".repeat(5_000);
    const moved = await settle(testDeps(), job, ended(done({ text })));
    expect(moved).toMatchObject({ outputBytes: 10_011, outputKey: `default/${job.id}/1/output` });
    expect((await theJob(job.id)).output).toBeNull();
    const object = await env.BUCKET.get(moved?.outputKey ?? "");
    expect(await object?.json()).toEqual({ text });
  });
});

describe("settle of `again`", () => {
  it("makes the job pending with its state, gives the attempt back and counts the turn", async () => {
    const job = await running();
    const moved = await settle(testDeps(), job, ended(again({ page: 2 }, 60_000)));
    expect(moved).toMatchObject({ state: "pending", reason: "queued", attempt: 0, turns: 1, usage });
    expect(dueInMs(moved)).toBeGreaterThan(50_000);
    expect((await theJob(job.id)).turnState).toBe('{"page":2}');
  });

  it("keeps the state through a failure of the next turn", async () => {
    const job = await running();
    await settle(testDeps(), job, ended(again({ page: 2 })));
    const next = await claimOne({ ...job, run: 1 });
    await settle(testDeps(), next ?? job, broken(new AppError("provider_error")));
    expect(await theJob(job.id)).toMatchObject({ state: "pending", turnState: '{"page":2}', attempt: 1 });
  });

  it("fails the job when the task goes on for ever", async () => {
    const moved = await settle(testDeps(), await running({ turns: MAX_TURNS }), ended(again(1)));
    expect(moved).toMatchObject({ state: "failed", error: { code: "turns_exhausted" } });
    const oneLess = await settle(testDeps(), await running({ turns: MAX_TURNS - 1 }), ended(again(1)));
    expect(oneLess).toMatchObject({ state: "pending", turns: MAX_TURNS });
  });

  it("forgets the state when the job ends", async () => {
    const job = await running({ turn_state: "[1]" });
    await settle(testDeps(), job, ended(done(1)));
    expect((await theJob(job.id)).turnState).toBeNull();
  });
});

describe("settle of a stop", () => {
  it("cancels the job and keeps what there is of text and usage", async () => {
    const job = await running({ cancel_requested_at: 1_000 });
    const moved = await settle(testDeps(), job, broken(new AppError("cancelled"), { text: "Tea in" }));
    expect(moved).toMatchObject({ state: "cancelled", error: null, usage });
    expect((await theJob(job.id)).output).toBe('{"text":"Tea in"}');
  });

  it("has no output when there is no text yet", async () => {
    const job = await running({ cancel_requested_at: 1_000 });
    await settle(testDeps(), job, broken(new AppError("cancelled")));
    expect(await theJob(job.id)).toMatchObject({ state: "cancelled", output: null, outputBytes: null });
  });

  it.each([
    ["a failure that would be retried", broken(new AppError("provider_error"), { text: "Tea" })],
    ["a turn that would be followed by another", ended(again(1))],
  ])("wins over %s, though the run did not know of it", async (_what, end) => {
    const job = await running();
    await askToStop(env.DB, [job]);
    expect(await settle(testDeps(), job, end)).toMatchObject({ state: "cancelled" });
    expect(await theJob(job.id)).toMatchObject({ state: "cancelled", usage, reason: null });
    expect((await theRow(job.id))?.wake_at).toBeNull();
  });

  it("does not undo an answer that was there first", async () => {
    const job = await running();
    await askToStop(env.DB, [job]);
    expect(await settle(testDeps(), job, ended(done(1)))).toMatchObject({ state: "completed" });
  });
});

describe("settle when things go wrong", () => {
  const ends: [string, RunEnd, string][] = [
    ["completed", ended(done(1)), "completed"],
    ["failed", broken(new AppError("provider_auth")), "failed"],
    ["retried", broken(new AppError("provider_error")), "pending"],
    ["continued", ended(again(1, 60_000)), "pending"],
    ["cancelled", broken(new AppError("cancelled")), "cancelled"],
  ];

  it.each(ends)("writes a job once that was %s though the answer got lost", async (_what, end, state) => {
    const job = await running();
    const wrapped = wrapDb(env.DB);
    const deps = testDeps({ db: wrapped.db });
    wrapped.loseAnswers(1, "UPDATE jobs");
    await expect(settle(deps, job, end)).rejects.toMatchObject({ code: "store_unavailable" });
    const row = await theRow(job.id);
    expect(await settle(deps, job, end)).toMatchObject({ state, version: job.version + 1 });
    expect(await theRow(job.id)).toEqual(row);
  });

  it.each(ends)("writes nothing for a run that another has overtaken: %s", async (_what, end) => {
    const job = await running({ lease_until: 1_000 });
    await claimOne(job);
    const row = await theRow(job.id);
    expect(await settle(testDeps(), job, end)).toBeNull();
    expect(await theRow(job.id)).toEqual(row);
  });

  it("gives nothing for a job that was erased", async () => {
    const job = await running();
    await env.DB.prepare("DELETE FROM jobs WHERE id = ?1").bind(job.id).run();
    expect(await settle(testDeps(), job, ended(done(1)))).toBeNull();
  });

  it("reports a job that the clock has ended in the meantime as it stands", async () => {
    const job = await running();
    await changeRow(job.id, { state: "failed" });
    expect(await settle(testDeps(), job, ended(done(1)))).toMatchObject({ state: "failed" });
  });

  it("puts a large output into the row when R2 does not take it", async () => {
    const job = await running();
    const deps = testDeps({ bucket: brokenBucket() });
    await settle(deps, job, ended(done("x".repeat(10_000))));
    const now = await theJob(job.id);
    expect(now).toMatchObject({ state: "completed", outputKey: null, outputBytes: 10_002 });
    expect(now.output).toHaveLength(10_002);
  });

  it("says that the store is away when neither R2 nor the row takes the output", async () => {
    const job = await running();
    const end = ended(done("x".repeat(1_000_000)));
    const settled = settle(testDeps({ bucket: brokenBucket() }), job, end);
    await expect(settled).rejects.toMatchObject({ code: "store_unavailable" });
    expect(await theJob(job.id)).toMatchObject({ state: "running" });
  });

  it("keeps a job of another run from being settled by its first, though both are in the same state", async () => {
    const job = await storedJob();
    const first = await claimOne({ ...job, run: 0 });
    await changeRow(job.id, { lease_until: 1_000 });
    const second = await claimOne({ ...job, run: 1 });
    if (!first || !second) throw new Error("not claimed");
    expect(await settle(testDeps(), first, ended(done("first")))).toBeNull();
    expect(await settle(testDeps(), second, ended(done("second")))).toMatchObject({
      state: "completed",
      run: 2,
    });
    expect(await settle(testDeps(), first, ended(done("late")))).toBeNull();
    expect((await theJob(job.id)).output).toBe('"second"');
  });
});

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { canMove, MOVES, type Move, STATES } from "../../src/core/lifecycle";
import { endRun, returnRun } from "../../src/store/run-ends";
import { wrapDb } from "../support/faulty-db";
import { aResult, claimOne, MOVE_CASES } from "../support/moves";
import { storedIn, storedJob, theJob, theRow } from "../support/rows";

/** Without `ready`, where a column of it would make the row another case. */
const pairs = MOVE_CASES.flatMap((one) =>
  STATES.filter((state) => !one.shares?.includes(state)).map((state) => ({ ...one, state })),
);
const legal = pairs.filter(({ move, state }) => canMove(move, state));
const illegal = pairs.filter(({ move, state }) => !canMove(move, state));

describe("the moves in the database", () => {
  it("are all there; resume and those of equal jobs are triggers, and have tests of their own", () => {
    const names = new Set<Move>([
      "resume",
      "share",
      "fail_with",
      "lead",
      ...MOVE_CASES.map(({ move }) => move),
    ]);
    expect([...names].sort()).toEqual((Object.keys(MOVES) as Move[]).sort());
  });

  it.each(legal)("$name leads from $state to where the table says, one version on", async (one) => {
    const before = await storedIn(one.state, one.ready);
    const moved = await one.make(before);
    expect(moved).toMatchObject({ state: MOVES[one.move].to, version: before.version + 1 });
    expect(await theJob(before.id)).toMatchObject({ ...moved, readAt: expect.any(Number) });
  });

  it.each(illegal)("$name from $state writes nothing", async (one) => {
    const before = await storedIn(one.state, one.name === "claim" ? {} : one.ready);
    const row = await theRow(before.id);
    const wrapped = wrapDb(env.DB);
    expect(await one.make(before, wrapped.db)).toBeNull();
    expect(wrapped.rowsWritten()).toBe(0);
    expect(await theRow(before.id)).toEqual(row);
  });

  it.each(legal.filter(({ state }) => state === "running"))(
    "$name by an older run writes nothing, save where no run is asked",
    async (one) => {
      const before = await storedIn("running", { ...one.ready, run: 2 });
      const row = await theRow(before.id);
      const moved = await one.make({ ...before, run: 1 });
      if (one.move === "takeover" || one.move === "ask_to_stop") expect(moved).not.toBeNull();
      else {
        expect(moved).toBeNull();
        expect(await theRow(before.id)).toEqual(row);
      }
    },
  );

  it.each(legal)("$name does not touch another project's job of the same id", async (one) => {
    const before = await storedIn(one.state, one.ready);
    const row = await theRow(before.id);
    expect(await one.make({ ...before, projectId: "other" })).toBeNull();
    expect(await theRow(before.id)).toEqual(row);
  });
});

describe("the guards", () => {
  it("claim refuses a job that is not due", async () => {
    expect(await claimOne(await storedJob({ delay_ms: 60_000 }))).toBeNull();
  });

  it("claim refuses a job that has expired", async () => {
    expect(await claimOne(await storedJob({}, { expires_at: 1_000 }))).toBeNull();
  });

  it("takeover leaves a run with a live lease alone", async () => {
    expect(await claimOne(await storedIn("running"))).toBeNull();
  });

  it("takeover counts a crash and keeps the attempt", async () => {
    const job = await storedIn("running", { lease_until: 1_000 });
    expect(await claimOne(job)).toMatchObject({ run: 2, attempt: 1, crashes: 1 });
  });

  it.each([
    { crashes: 1, taken: true },
    { crashes: 2, taken: false },
  ])("takeover after $crashes crashes: $taken", async ({ crashes, taken }) => {
    await env.DB.exec("DELETE FROM jobs");
    const moved = await claimOne(await storedIn("running", { lease_until: 1_000, crashes }));
    expect(moved !== null).toBe(taken);
  });

  it("takeover leaves a run alone that was asked to stop", async () => {
    const job = await storedIn("running", { lease_until: 1_000, cancel_requested_at: 1_000 });
    expect(await claimOne(job)).toBeNull();
  });

  const blocked = [
    ["crash", "a live lease", { crashes: 2 }],
    ["crash", "a crash too few", { crashes: 1, lease_until: 1_000 }],
    ["stop of a dead run", "a live lease", { cancel_requested_at: 1_000 }],
    ["stop of a dead run", "nobody having asked", { lease_until: 1_000 }],
    ["ask_to_stop", "somebody having asked before", { cancel_requested_at: 1_000 }],
    ["retry", "somebody having asked to stop", { cancel_requested_at: 1_000 }],
    ["again", "somebody having asked to stop", { cancel_requested_at: 1_000 }],
    ["defer", "somebody having asked to stop", { cancel_requested_at: 1_000 }],
    ["rerun", "somebody having erased it", { state: "failed", erase_at: 1_000 }],
  ] as const;

  it.each(blocked)("%s is refused for %s", async (name, _why, changes) => {
    const job = await storedIn("running", changes);
    const row = await theRow(job.id);
    const one = MOVE_CASES.find((known) => known.name === name);
    expect(await one?.make(job)).toBeNull();
    expect(await theRow(job.id)).toEqual(row);
  });

  it.each(["expire"])("%s is refused before its time", async (name) => {
    const one = MOVE_CASES.find((known) => known.name === name);
    expect(await one?.make(await storedJob({ expires_in_ms: 60_000 }))).toBeNull();
    expect(await one?.make(await storedJob())).toBeNull();
  });
});

describe("what a move leaves behind", () => {
  const usage = { input_tokens: 3, output_tokens: 4, cached_tokens: 0, reasoning_tokens: 0, cost_usd: 0.5 };
  const error = { code: "provider_error", message: "no", retryable: true };
  const progress = { done: 1, total: 2, message: "half" };

  it("complete keeps output, usage and progress, and nothing for the clock to find", async () => {
    const job = await storedIn("running", { turn_state: "[1]" });
    const output = { bytes: 7, inline: '"hello"', key: null };
    const end = { state: "completed", move: "complete" } as const;
    await endRun(env.DB, job, end, { ...aResult, usage, progress, output });
    expect(await theJob(job.id)).toMatchObject({
      ...{ usage, progress, output: '"hello"', outputBytes: 7, outputKey: null },
      ...{ leaseUntil: null, turnState: null, error: null },
    });
    expect((await theRow(job.id))?.wake_at).toBeNull();
    expect((await theJob(job.id)).finishedAt).not.toBeNull();
  });

  it("retry is due after its delay by the database's clock, and the clock looks then", async () => {
    const job = await storedIn("running");
    const moved = await returnRun(env.DB, job, { move: "retry", delayMs: 90_000 }, { ...aResult, error });
    const inMs = (moved?.runAt ?? 0) - Date.now();
    expect(inMs).toBeGreaterThan(80_000);
    expect(inMs).toBeLessThanOrEqual(90_000);
    expect(moved).toMatchObject({ reason: "retrying", error, attempt: 1, leaseUntil: null });
    expect((await theRow(job.id))?.wake_at).toBe(moved?.runAt);
  });

  it("again gives the attempt back, counts the turn and keeps the state for the next", async () => {
    const job = await storedIn("running");
    await MOVE_CASES.find(({ name }) => name === "again")?.make(job);
    expect(await theJob(job.id)).toMatchObject({ attempt: 0, turns: 1, turnState: '{"page":2}', run: 1 });
  });

  it("rerun begins anew, but its run goes on counting", async () => {
    const job = await storedIn("failed", {
      ...{ run: 7, attempt: 5, crashes: 2, turns: 9, output: "1", output_bytes: 1, expires_at: 1_000 },
      ...{ cancel_requested_at: 1_000, error: JSON.stringify(error), started_at: 1_000 },
    });
    await MOVE_CASES.find(({ name }) => name === "rerun")?.make(job);
    expect(await theJob(job.id)).toMatchObject({
      ...{ run: 7, attempt: 0, crashes: 0, turns: 0, output: null, outputBytes: null, expiresAt: null },
      ...{ cancelRequestedAt: null, error: null, startedAt: null, finishedAt: null, reason: "queued" },
    });
  });
});

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { TIMING } from "../../src/core/limits";
import type { Pause } from "../../src/core/pause";
import { claimCounted, claimJobs, claimSuspect } from "../../src/store/claims";
import { countRunning, createPause, listPauses } from "../../src/store/pauses";
import { endRun } from "../../src/store/run-ends";
import { insertJobs, type NewJob } from "../../src/store/submit";
import { aNewJob, anId, PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { aResult } from "../support/moves";
import { changeRow, type Row, storedJob } from "../support/rows";

const OTHER = "other";

beforeEach(async () => {
  await env.DB.batch(["jobs", "pauses"].map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
});

const put = (scope: Pause["scope"], name: string, projectId: string | null = PROJECT) =>
  createPause(env.DB, { id: anId("pau"), projectId, scope, name });

const PAUSES: [string, () => Promise<unknown>][] = [
  ["its project", () => put("project", "")],
  ["its task in its project", () => put("task", "generate")],
  ["its task everywhere", () => put("task", "generate", null)],
  ["the pool of its model, which has no gate", () => put("pool", "sandbox/chat", null)],
];

const OTHERS: [string, () => Promise<unknown>][] = [
  ["another project", () => put("project", "", OTHER)],
  ["its task in another project", () => put("task", "generate", OTHER)],
  ["another task", () => put("task", "embed", null)],
  ["another pool", () => put("pool", "acme/chat", null)],
  ["a pool with the name of its task", () => put("pool", "generate", null)],
];

const KINDS: [string, Partial<NewJob>, Row][] = [
  ["a plain job", {}, {}],
  ["one whose model has options", { model: "sandbox/chat!reply=Hi" }, {}],
  ["one with a concurrency key", { concurrency_key: "k", concurrency_limit: 1 }, {}],
  ["one that has crashed before", {}, { crashes: 1 }],
];

/** All the ways to a claim. */
async function start(key: { projectId: string; id: string }) {
  const claimId = anId("clm");
  const batch = await claimJobs(env.DB, [key], claimId, TIMING);
  const counted = await claimCounted(env.DB, [key], claimId, TIMING);
  return batch[0] ?? counted[0] ?? (await claimSuspect(env.DB, key, claimId, TIMING));
}

describe("a job that is due", () => {
  describe.each(KINDS)("(%s)", (_kind, over, changes) => {
    it.each(PAUSES)("does not start, whoever asks, while %s is paused", async (_what, pause) => {
      const job = await storedJob(over, changes);
      await pause();
      expect(await start(job)).toBeNull();
      await env.DB.exec("DELETE FROM pauses");
      expect(await start(job)).toMatchObject({ state: "running", attempt: 1 });
    });

    it.each(OTHERS)("starts while %s is paused", async (_what, pause) => {
      const job = await storedJob(over, changes);
      await pause();
      expect(await start(job)).toMatchObject({ state: "running" });
    });
  });

  it("is in the pool of its gate, and not in that of its model, when its task has a gate of its own", async () => {
    const job = await storedJob({ pool: "task:generate" });
    await put("pool", "task:generate", null);
    expect(await start(job)).toBeNull();
    await env.DB.exec("DELETE FROM pauses");
    await put("pool", "sandbox/chat", null);
    expect(await start(job)).toMatchObject({ state: "running" });
  });
});

describe("a run that is under way when the pause begins", () => {
  it("ends as ever", async () => {
    const job = await storedJob();
    const running = await start(job);
    await put("project", "");
    const ended =
      running && (await endRun(env.DB, running, { state: "completed", move: "complete" }, aResult));
    expect(ended).toMatchObject({ state: "completed" });
  });

  it("is taken over when it has died: it had begun before", async () => {
    const job = await storedJob();
    await start(job);
    await put("project", "");
    await changeRow(job.id, { lease_until: 1_000 });
    expect(await start(job)).toMatchObject({ state: "running", run: 2 });
  });

  it("is one of two: a claim in the same moment either runs, or waits until the end of the pause", async () => {
    for (let i = 0; i < 20; i++) {
      await env.DB.exec("DELETE FROM pauses");
      const job = await storedJob();
      const [started] = await Promise.all([start(job), put("project", "")]);
      const counted = await countRunning(env.DB, PROJECT, TIMING);
      expect(counted?.reduce((sum, { count }) => sum + count, 0) ?? 0).toBe(started ? 1 : 0);
      await env.DB.exec("DELETE FROM jobs");
    }
  });
});

describe("pauses", () => {
  it("of the same thing are one, which keeps its id", async () => {
    const first = await put("task", "generate");
    expect(await put("task", "generate")).toEqual(first);
    expect(await put("task", "generate", null)).not.toEqual(first);
    expect(await listPauses(env.DB, PROJECT)).toHaveLength(2);
    expect(await listPauses(env.DB, OTHER)).toHaveLength(1);
  });

  it("of others cost a claim nothing, however many there are", async () => {
    const reads = async () => {
      const wrapped = wrapDb(env.DB);
      const claimed = await claimJobs(wrapped.db, [await storedJob()], anId("clm"), TIMING);
      expect(claimed).toHaveLength(1);
      return wrapped.rowsRead();
    };
    const before = await reads();
    for (let i = 0; i < 50; i++) await put("project", "", `tenant-${i}`);
    expect(await reads()).toBe(before);
  });
});

describe("countRunning", () => {
  it("counts what runs by project, task and pool, and nothing that waits or has ended", async () => {
    const jobs: [string, Partial<NewJob>, Row][] = [
      [PROJECT, {}, { state: "running" }],
      [PROJECT, { model: "sandbox/chat!reply=Hi" }, { state: "running" }],
      [PROJECT, { task: "embed", model: "sandbox/embedding" }, { state: "running" }],
      [PROJECT, { pool: "acme/chat", model: "acme/chat" }, { state: "running" }],
      [OTHER, { pool: "acme/chat", model: "acme/chat" }, { state: "running" }],
      [OTHER, {}, {}],
      [PROJECT, {}, {}],
      [PROJECT, { pool: "acme/chat" }, {}],
      [PROJECT, { delay_ms: 60_000 }, {}],
      [PROJECT, {}, { state: "completed", wake_at: null }],
    ];
    for (const [projectId, over, changes] of jobs) {
      const job = aNewJob(over);
      await insertJobs(env.DB, projectId, [job], null, TIMING);
      await changeRow(job.id, changes);
    }
    const of = async (projectId: string | null) =>
      (await countRunning(env.DB, projectId, TIMING))
        ?.filter(({ count }) => count > 0)
        .map(({ projectId, task, pool, count }) => `${projectId} ${task} ${pool} ${count}`)
        .sort();
    const own = [
      "default embed sandbox/embedding 1",
      "default generate acme/chat 1",
      "default generate sandbox/chat 2",
    ];
    expect(await of(PROJECT)).toEqual(own);
    expect(await of(null)).toEqual([...own, "other generate acme/chat 1"]);
  });

  it("reads no row of a job that waits at a gate or was put off", async () => {
    const waiting = Array.from({ length: 200 }, (_, i) =>
      aNewJob(i % 2 ? { pool: "acme/chat" } : { delay_ms: 9e6 }),
    );
    await insertJobs(env.DB, PROJECT, [...waiting, aNewJob()], null, TIMING);
    const wrapped = wrapDb(env.DB);
    await countRunning(wrapped.db, PROJECT, TIMING);
    expect(wrapped.calls).toHaveLength(1);
    expect(wrapped.rowsRead()).toBeLessThan(20);
  });
});

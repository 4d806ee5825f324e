import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { TIMING } from "../../src/core/limits";
import { ALL_PROJECTS, type Operation } from "../../src/core/operation";
import { operate } from "../../src/engine/operate";
import { countCovered, type PauseRequest, pause, resume } from "../../src/engine/pause";
import { sweep } from "../../src/engine/sweep";
import { listPauses } from "../../src/store/pauses";
import { insertJobs, type NewJob } from "../../src/store/submit";
import { fallDue } from "../support/age";
import { promptFor, ringFor, type TestDeps, testDeps } from "../support/deps";
import { aNewJob, PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { changeRow, countRows, storedIn, storedJob, theJob, theRow } from "../support/rows";

const OTHER = "other";

beforeEach(async () => {
  const tables = ["jobs", "pauses", "operations"];
  await env.DB.batch(tables.map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
});

async function jobsOf(projectId: string, count: number, over: Partial<NewJob> = {}) {
  const jobs = Array.from({ length: count }, () => aNewJob(over));
  await insertJobs(env.DB, projectId, jobs, null, TIMING);
  return jobs.map(({ id }) => ({ projectId, id }));
}

const rungIds = (deps: TestDeps) => deps.rung.map(({ id }) => id).sort();
const idsOf = (jobs: { id: string }[]) => jobs.map(({ id }) => id).sort();

async function resumeAll(deps: TestDeps, projectId = PROJECT): Promise<void> {
  for (const one of await listPauses(env.DB, projectId)) await resume(deps, one, projectId);
  await deps.backgroundDone();
}

const SCOPES: [string, PauseRequest][] = [
  ["a project", { projectId: PROJECT }],
  ["a task of a project", { projectId: PROJECT, task: "generate" }],
  ["a task everywhere", { projectId: null, task: "generate" }],
  ["a pool", { projectId: null, pool: "sandbox/chat" }],
];

describe("pause and resume", () => {
  it.each(SCOPES)("of %s: nothing new starts, and then all that has waited runs", async (_what, request) => {
    const deps = testDeps();
    await pause(deps, request);
    const waiting = [await storedJob(promptFor("")), await storedJob(promptFor("reply=Hi"))];
    expect((await ringFor(deps, ...waiting)).map(({ state }) => state)).toEqual(["pending", "pending"]);
    await resumeAll(deps);
    expect(rungIds(deps)).toEqual(idsOf(waiting));
    const ended = await ringFor(deps, ...waiting);
    expect(ended.map(({ state, attempt }) => [state, attempt])).toEqual([
      ["completed", 1],
      ["completed", 1],
    ]);
  });

  it("of a project leaves another project alone: it runs meanwhile, and is not rung for", async () => {
    const deps = testDeps();
    await pause(deps, { projectId: PROJECT });
    const [foreign] = await jobsOf(OTHER, 2, promptFor(""));
    if (!foreign) throw new Error("no job");
    expect(await ringFor(deps, foreign)).toMatchObject([{ state: "completed" }]);
    await resumeAll(deps);
    expect(deps.rung).toEqual([]);
  });

  it.each(SCOPES.slice(2))("of %s rings in all projects", async (_what, request) => {
    const deps = testDeps();
    await pause(deps, request);
    const jobs = [...(await jobsOf(PROJECT, 2)), ...(await jobsOf(OTHER, 2))];
    await jobsOf(OTHER, 1, { task: "embed", model: "sandbox/embedding" });
    await resumeAll(deps);
    expect(rungIds(deps)).toEqual(idsOf(jobs));
  });

  it("rings for what was paused and is due, and for nothing else", async () => {
    const deps = testDeps();
    await pause(deps, { projectId: PROJECT, task: "generate" });
    const due = [await storedJob(), await storedIn("pending", { reason: "retrying", run: 1, attempt: 1 })];
    await storedJob({ delay_ms: 60_000 });
    await storedJob({ task: "embed", model: "sandbox/embedding" });
    await storedJob({}, { expires_at: 1_000 });
    await storedIn("running");
    await storedIn("completed");
    await resumeAll(deps);
    expect(rungIds(deps)).toEqual(idsOf(due));
  });

  it("takes the end of a pause once, though its answer got lost", async () => {
    const wrapped = wrapDb(env.DB);
    const deps = testDeps({ db: wrapped.db });
    const { pause: made } = await pause(deps, { projectId: PROJECT });
    wrapped.loseAnswers(1, "DELETE FROM pauses");
    await resume(deps, made, PROJECT);
    await deps.backgroundDone();
    expect([await countRows("pauses"), await countRows("operations")]).toEqual([0, 1]);
  });

  it("does not end without somebody who rings: when nothing can be written, it is still paused", async () => {
    const wrapped = wrapDb(env.DB);
    const deps = testDeps({ db: wrapped.db });
    const { pause: made } = await pause(deps, { projectId: PROJECT });
    wrapped.fail(2, "INSERT INTO operations");
    await expect(resume(deps, made, PROJECT)).rejects.toMatchObject({ code: "store_unavailable" });
    expect([await countRows("pauses"), await countRows("operations")]).toEqual([1, 0]);
  });

  it("rings by the clock when whoever ended the pause died before it rang", async () => {
    const wrapped = wrapDb(env.DB);
    const dying = testDeps({ db: wrapped.db });
    const job = await storedJob();
    const { pause: made } = await pause(dying, { projectId: PROJECT });
    wrapped.fail(1, "state = 'pending' AND run_at");
    await resume(dying, made, PROJECT);
    await dying.backgroundDone();
    expect(dying.rung).toEqual([]);
    await env.DB.exec("UPDATE operations SET wake_at = 1");
    const deps = testDeps();
    await sweep(deps, true);
    expect(rungIds(deps)).toContain(job.id);
  });

  it("names the tasks and pools that there are, for one that there is not", async () => {
    const deps = testDeps();
    await expect(pause(deps, { projectId: null, task: "transcribe" })).rejects.toMatchObject({
      code: "unknown_task",
      message:
        'No task "transcribe". There are: generate, extract, classify, moderate, embed, summarize, translate, batch, bulk_generate.',
    });
    for (const pool of ["sandbox/none", "sandbox/", "nobody/chat", "task:generate", "generate", "/"]) {
      await expect(pause(deps, { projectId: null, pool })).rejects.toMatchObject({
        code: "unknown_pool",
        param: "pool",
        message: expect.stringMatching(/sandbox\/chat, sandbox\/limited, sandbox\/embedding/),
      });
    }
  });

  it("counts what a pause covers that still runs, for one project or for all", async () => {
    const deps = testDeps();
    const made = [];
    for (const [, request] of SCOPES) made.push((await pause(deps, request)).pause);
    await storedIn("running");
    await storedJob({ task: "embed", model: "sandbox/embedding" }, { state: "running" });
    const [foreign] = await jobsOf(OTHER, 1);
    await changeRow(foreign?.id ?? "", { state: "running" });
    expect(await countCovered(deps, made, null)).toEqual([2, 1, 2, 2]);
    expect(await countCovered(deps, made, PROJECT)).toEqual([2, 1, 1, 1]);
  });
});

describe("the operation ring", () => {
  const start = (over: Partial<Pick<Operation, "target" | "filter">> = {}) => ({
    projectId: PROJECT,
    target: PROJECT,
    action: "ring" as const,
    filter: { state: "pending" as const },
    rate: null,
    ...over,
  });

  it("rings once for each of many jobs, in slices that the clock goes on with, and writes to none of them", async () => {
    const jobs = [...(await jobsOf(PROJECT, 450)), ...(await jobsOf(OTHER, 450))];
    const versions = await env.DB.prepare(
      "SELECT SUM(version) AS sum, SUM(wake_at) AS wakes FROM jobs",
    ).first();
    const deps = testDeps();
    const first = await operate(deps, start({ target: ALL_PROJECTS }));
    expect(first).toMatchObject({ changed: 300, finishedAt: null });
    await env.DB.exec("UPDATE operations SET wake_at = 1");
    await sweep(deps, true);
    expect(await countRows("operations WHERE finished_at IS NOT NULL")).toBe(1);
    expect(rungIds(deps)).toEqual(idsOf(jobs));
    expect(
      await env.DB.prepare("SELECT SUM(version) AS sum, SUM(wake_at) AS wakes FROM jobs").first(),
    ).toEqual(versions);
  });

  it("walks past any number of others, whose rows it does not read", async () => {
    await manyOf("crowd", 12_000);
    const job = await storedJob({ pool: "acme/chat" });
    const wrapped = wrapDb(env.DB);
    const deps = testDeps({ db: wrapped.db });
    expect(await operate(deps, start())).toMatchObject({ changed: 1, finishedAt: expect.any(Number) });
    expect(rungIds(deps)).toEqual([job.id]);
    // Twice along the index: once for the jobs, once for where the slice ends.
    expect(wrapped.rowsRead()).toBeLessThan(2 * 12_000 + 200);
  });

  it("is not held up by jobs that move in line while it goes on", async () => {
    const jobs = await jobsOf(PROJECT, 350);
    const deps = testDeps();
    await operate(deps, start());
    const rung = new Set(rungIds(deps));
    for (const { id } of jobs) if (!rung.has(id)) await fallDue(id, Date.now() + 60_000);
    for (const { id } of jobs) if (!rung.has(id)) await changeRow(id, { run_at: 1_000 });
    await env.DB.exec("UPDATE operations SET wake_at = 1");
    await sweep(deps, true);
    expect(new Set(rungIds(deps))).toEqual(new Set(idsOf(jobs)));
  });

  it("loses no job when a queue takes no message: the clock finds them as ever", async () => {
    const job = await storedJob();
    const before = await theRow(job.id);
    const away = {
      sendBatch: () => Promise.reject(new Error("queue away")),
    } as unknown as TestDeps["jobsQueue"];
    const deps = testDeps({ jobsQueue: away });
    expect(await operate(deps, start())).toMatchObject({ finishedAt: expect.any(Number) });
    expect(await theRow(job.id)).toEqual(before);
    expect(await theJob(job.id)).toMatchObject({ state: "pending" });
  });
});

/** Jobs of another project that all wait, due long ago. */
async function manyOf(projectId: string, count: number): Promise<void> {
  const sql = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
    INSERT INTO jobs (project_id, id, task, state, lane, priority, stream, max_attempts, timeout_ms, created_at, run_at, wake_at, input_bytes)
    SELECT ?1, printf('job_01KAM2T2Q5W4R0E8Z6%08d', i), 'generate', 'pending', 'default', 0, 0, 1, 1000, 1, 1, 1000 + i, 2 FROM n`;
  await env.DB.prepare(sql).bind(projectId, count).run();
}

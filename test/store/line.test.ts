import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { TIMING } from "../../src/core/limits";
import { countLine, findLines, lookAtSlots, readLine } from "../../src/store/line";
import { insertJobs, type NewJob } from "../../src/store/submit";
import { aNewJob, PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { changeRow, storedJob } from "../support/rows";

const POOL = "acme/chat";

/** Jobs of the pool, in the order in which they are given. */
async function stored(count: number, over: Partial<NewJob> = {}, project = PROJECT): Promise<string[]> {
  const jobs = Array.from({ length: count }, () => aNewJob({ pool: POOL, ...over }));
  await insertJobs(env.DB, project, jobs, null, TIMING);
  return jobs.map(({ id }) => id);
}

beforeEach(async () => {
  await env.DB.exec("DELETE FROM jobs");
});

describe("the line of a pool", () => {
  it("is the head of each project's lanes: the highest priority first, then the oldest", async () => {
    const [first, second] = await stored(2, { lane: "bulk" });
    const [urgent] = await stored(1, { lane: "bulk", priority: 5 });
    const [own] = await stored(1, { fair_key: "u1", input_chars: 40, max_output_tokens: 7 });
    await stored(3, {}, "other");
    const { flows } = await readLine(env.DB, POOL);
    expect(flows.map(({ projectId, lane, tickets }) => [projectId, lane, tickets.length])).toEqual([
      [PROJECT, "bulk", 3],
      [PROJECT, "default", 1],
      ["other", "default", 3],
    ]);
    expect(flows[0]?.tickets.map(({ id }) => id)).toEqual([urgent, first, second]);
    expect(flows[1]).toMatchObject({ complete: true });
    expect(flows[1]?.tickets).toEqual([
      expect.objectContaining({
        ...{ projectId: PROJECT, id: own, task: "generate", lane: "default", priority: 0, fairKey: "u1" },
        ...{ inputChars: 40, maxOutputTokens: 7, concurrency: null, hasDetour: false },
      }),
    ]);
  });

  it("is cut after fifty jobs of a flow, and says so", async () => {
    const ids = await stored(60);
    const { flows } = await readLine(env.DB, POOL);
    expect(flows).toEqual([expect.objectContaining({ complete: false })]);
    expect(flows[0]?.tickets.map(({ id }) => id)).toEqual(ids.slice(0, 50));
  });

  it.each([
    ["is not due", { run_at: 9e12 }],
    ["has expired", { expires_at: 1_000 }],
    ["has ended", { state: "completed", wake_at: null }],
    ["stands in another pool", { pool: "acme/other" }],
    ["has no gate", { pool: null }],
  ])("does not hold a job that %s", async (_what, row) => {
    await storedJob({ pool: POOL }, row);
    const { flows } = await readLine(env.DB, POOL);
    expect(flows.flatMap(({ tickets }) => tickets)).toEqual([]);
  });

  it.each([
    ["its project", { project_id: PROJECT, scope: "project", name: "" }],
    ["its task", { project_id: PROJECT, scope: "task", name: "generate" }],
    ["its task everywhere", { project_id: "", scope: "task", name: "generate" }],
    ["its pool", { project_id: "", scope: "pool", name: POOL }],
  ])("does not hold a job while %s is paused", async (_what, pause) => {
    await stored(1);
    const { project_id, scope, name } = pause;
    await env.DB.prepare("INSERT INTO pauses VALUES (?1, ?2, ?3, 'pau_1', 1)")
      .bind(project_id, scope, name)
      .run();
    const whilePaused = await readLine(env.DB, POOL);
    await env.DB.exec("DELETE FROM pauses");
    const after = await readLine(env.DB, POOL);
    expect([whilePaused, after].map(({ flows }) => flows.flatMap(({ tickets }) => tickets).length)).toEqual([
      0, 1,
    ]);
  });

  it("does not hold the jobs of a project whose budget is used up", async () => {
    await stored(1);
    await stored(1, {}, "other");
    await env.DB.prepare("INSERT INTO budgets (project_id, key_id, tokens_per_day) VALUES (?1, '', 0)")
      .bind(PROJECT)
      .run();
    const { flows } = await readLine(env.DB, POOL);
    await env.DB.exec("DELETE FROM budgets");
    expect(flows.map(({ projectId }) => projectId)).toEqual(["other"]);
  });

  it("tells what runs in the pool, and the weights of projects", async () => {
    const running = await storedJob({ pool: POOL }, { state: "running", lease_until: 9e12 });
    await env.DB.prepare("UPDATE projects SET weight = 2.5 WHERE id = ?1").bind(PROJECT).run();
    const line = await readLine(env.DB, POOL);
    expect(line.running.map(({ id }) => id)).toEqual([running.id]);
    expect(line.weights).toEqual(new Map([[PROJECT, 2.5]]));
  });

  it("costs no more to read when it is long: the gate holds its head, the database the rest", async () => {
    const readsOf = async () => {
      const { db, rowsRead } = wrapDb(env.DB);
      await readLine(db, POOL);
      return rowsRead();
    };
    await stored(200, { lane: "bulk" });
    await stored(200, {}, "other");
    const short = await readsOf();
    await stored(3_000, { lane: "bulk" });
    await stored(3_000, { delay_ms: 60_000 }, "other");
    expect(await readsOf()).toBeLessThanOrEqual(short + 10);
  });

  it("is counted by project and lane, with the jobs before one of them", async () => {
    const ids = await stored(5);
    await stored(2, { lane: "bulk" }, "other");
    const job = await storedJob({ pool: POOL, priority: -1 });
    const place = {
      projectId: PROJECT,
      lane: "default" as const,
      priority: -1,
      runAt: job.runAt,
      id: job.id,
    };
    expect(await countLine(env.DB, POOL, place)).toEqual([
      { projectId: PROJECT, lane: "default", jobs: ids.length + 1, ahead: ids.length },
      { projectId: "other", lane: "bulk", jobs: 2, ahead: null },
    ]);
  });

  it("is found for every pool that has open jobs", async () => {
    await stored(2);
    await stored(1, { pool: "task:render" });
    await storedJob({ pool: "acme/done" }, { state: "completed", wake_at: null });
    expect(await findLines(env.DB)).toEqual([POOL, "task:render"]);
  });

  it("tells of a slot's job whether it runs, waits, or neither", async () => {
    const [waiting = ""] = await stored(1);
    const running = await storedJob({ pool: POOL }, { state: "running" });
    const ended = await storedJob({ pool: POOL }, { state: "failed" });
    const keys = [waiting, running.id, ended.id, "job_gone"].map((id) => ({ projectId: PROJECT, id }));
    const states = await lookAtSlots(env.DB, keys);
    expect(new Map(states.map(({ id, isRunning, isWaiting }) => [id, [isRunning, isWaiting]]))).toEqual(
      new Map([
        [waiting, [0, 1]],
        [running.id, [1, 0]],
        [ended.id, [0, 0]],
      ]),
    );
    await changeRow(waiting, { state: "cancelled" });
  });
});

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { WholeJob } from "../../src/core/job";
import { enqueue } from "../../src/engine/enqueue";
import { type TestDeps, testDeps } from "../support/deps";
import { anId, PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { theJob, theRow } from "../support/rows";

const request = (over = {}) => ({
  task: "generate",
  input: { prompt: "Tea in Lisbon", model: "sandbox/chat" },
  stream: true,
  ...over,
});

/** Objects of streams that take jobs, or do not. */
function objects(run: (job: WholeJob) => Promise<void>): Pick<TestDeps, "jobLogs"> {
  return { jobLogs: { getByName: () => ({ run }) } as unknown as TestDeps["jobLogs"] };
}

async function submitLive(over: Parameters<typeof testDeps>[0], job = request()) {
  const given: WholeJob[] = [];
  const deps = testDeps({ ...objects(async (one) => void given.push(one)), ...over });
  const [submitted] = await enqueue(deps, { projectId: PROJECT, jobs: [job], live: true });
  await deps.backgroundDone();
  if (!submitted) throw new Error("nothing submitted");
  return { ...submitted, given, deps };
}

describe("a live call", () => {
  it("is stored and claimed in one transaction, and handed to its object whole: nobody rings for it", async () => {
    const { job, given, deps } = await submitLive({});
    expect(job).toMatchObject({ state: "running", run: 1, attempt: 1 });
    expect(given).toMatchObject([
      { id: job.id, run: 1, input: '{"prompt":"Tea in Lisbon","model":"sandbox/chat"}' },
    ]);
    expect(deps.rung).toEqual([]);
    expect((await theRow(job.id))?.lease_until).toBeGreaterThan(Date.now());
  });

  it("is claimed once though the answer of the database got lost", async () => {
    const wrapped = wrapDb(env.DB);
    wrapped.loseAnswers(1, "INSERT INTO jobs");
    const { job, given } = await submitLive({ db: wrapped.db });
    expect(given.map(({ id, run }) => ({ id, run }))).toEqual([{ id: job.id, run: 1 }]);
    expect(await theJob(job.id)).toMatchObject({ state: "running", run: 1, attempt: 1 });
  });

  it("goes into the line when its object does not take it, and has used no attempt", async () => {
    const away = objects(() => Promise.reject(new Error("away")));
    const { job, deps } = await submitLive(away);
    expect(await theJob(job.id)).toMatchObject({ state: "pending", reason: "retrying", attempt: 0, run: 1 });
    expect(deps.armed.length).toBeGreaterThan(0);
  });

  it("is left to its lease when the database is away as well", async () => {
    const wrapped = wrapDb(env.DB);
    const away = objects(async () => {
      wrapped.fail(9);
      throw new Error("away");
    });
    const { job, deps } = await submitLive({ db: wrapped.db, ...away });
    expect(deps.logs.map(({ event }) => event)).toEqual(["live_not_started", "live_not_put_back"]);
    expect((await theJob(job.id)).state).toBe("running");
  });
});

describe("the turn at the gate of a live call", () => {
  const limited = (over = {}) => request({ input: { prompt: "Tea", model: "sandbox/limited" }, ...over });
  const inFlight = async () =>
    (await env.GATE.getByName("sandbox/limited").view("sandbox/limited")).in_flight;

  it("is given back when something else is in the way of the job", async () => {
    const concurrency = { key: anId("key"), limit: 1 };
    await submitLive({}, request({ concurrency }));
    const { job, given, deps } = await submitLive({}, limited({ concurrency }));
    expect([job.state, given.length]).toEqual(["pending", 0]);
    expect(deps.rung.map(({ id }) => id)).toEqual([job.id]);
    expect(await inFlight()).toBe(0);
  });

  it("is given back when the job was there already", async () => {
    const key = anId("key");
    const first = await submitLive({}, limited({ idempotency_key: key }));
    const before = await inFlight();
    const { created, job } = await submitLive({}, limited({ idempotency_key: key }));
    expect([created, job.id]).toEqual([false, first.job.id]);
    expect(await inFlight()).toBe(before);
  });
});

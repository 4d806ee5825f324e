import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { WholeJob } from "../../src/core/job";
import { answerDoorbells } from "../../src/engine/answer";
import { runBatch } from "../../src/engine/run-batch";
import { ringFor, type TestDeps, testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { storedIn, storedJob, theJob } from "../support/rows";

const dead = { lease_until: 1_000 };
const bell = (job: { id: string }) => ({ p: PROJECT, id: job.id });

/** The order in which jobs began and ended. */
function watchOrder(deps: TestDeps): string[] {
  const order: string[] = [];
  const createLlm = deps.createLlm;
  deps.createLlm = (run) => {
    order.push(`${run.job.id} begins`);
    return createLlm(run);
  };
  deps.log = (event, fields) => {
    if (event === "run_ended") order.push(`${fields?.job} ends`);
  };
  return order;
}

async function run(deps: TestDeps, ...jobs: WholeJob[]): Promise<void> {
  await runBatch(deps, await answerDoorbells(deps, jobs.map(bell)));
}

describe("a job whose run has died before", () => {
  it("is claimed when its neighbours are done, and alone", async () => {
    const deps = testDeps();
    const order = watchOrder(deps);
    const suspect = await storedIn("running", dead);
    const neighbours = [await storedJob(), await storedJob()];
    await run(deps, suspect, ...neighbours);
    expect(order.slice(0, 2).sort()).toEqual(neighbours.map(({ id }) => `${id} begins`).sort());
    expect(order.slice(4)).toEqual([`${suspect.id} begins`, `${suspect.id} ends`]);
    expect(await theJob(suspect.id)).toMatchObject({ state: "completed", run: 2, attempt: 1, crashes: 1 });
  });

  it("leaves the next such job unclaimed and rings for it, so that a death costs one job only", async () => {
    const deps = testDeps();
    const suspects = [await storedIn("running", dead), await storedIn("running", dead)];
    await run(deps, ...suspects);
    const states = await Promise.all(suspects.map(({ id }) => theJob(id)));
    expect(states.map(({ state, crashes }) => [state, crashes])).toEqual([
      ["completed", 1],
      ["running", 0],
    ]);
    expect(deps.rung).toEqual([bell(suspects[1] as WholeJob)]);
    await ringFor(deps, suspects[1] as WholeJob);
    expect(await theJob(suspects[1]?.id ?? "")).toMatchObject({ state: "completed", crashes: 1 });
  });

  it("is left to another invocation when it could outlast this one", async () => {
    const deps = testDeps();
    const suspect = await storedIn("running", { ...dead, timeout_ms: 780_000 });
    // Every look at the clock is two minutes later.
    let passed = 0;
    deps.now = () => {
      passed += 120_000;
      return Date.now() + passed;
    };
    await run(deps, suspect);
    expect(await theJob(suspect.id)).toMatchObject({ state: "running", run: 1, crashes: 0 });
    expect(deps.rung).toEqual([bell(suspect)]);
  });

  it("is counted once as crashed though the answer to its claim got lost", async () => {
    const wrapped = wrapDb(env.DB);
    wrapped.loseAnswers(1, "claim_id IS NOT ?3");
    const suspect = await storedIn("running", dead);
    await run(testDeps({ db: wrapped.db }), suspect);
    expect(await theJob(suspect.id)).toMatchObject({ state: "completed", run: 2, crashes: 1 });
  });

  it("is left to the clock when the database does not answer", async () => {
    const wrapped = wrapDb(env.DB);
    wrapped.fail(2, "claim_id IS NOT ?3");
    const deps = testDeps({ db: wrapped.db });
    const suspect = await storedIn("running", dead);
    await run(deps, suspect);
    expect(await theJob(suspect.id)).toMatchObject({ state: "running", run: 1, crashes: 0 });
    expect(deps.logs).toContainEqual(expect.objectContaining({ event: "suspect_not_claimed" }));
  });
});

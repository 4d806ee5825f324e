import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CHILD_FAILURES, childId } from "../../src/core/children";
import { isFinal, type State } from "../../src/core/lifecycle";
import { TIMING } from "../../src/core/limits";
import { cancelJobs, rerunJobs } from "../../src/store/moves";
import { redoJob } from "../../src/store/redo";
import { endRun, waitRun } from "../../src/store/run-ends";
import { aNewJob, PROJECT } from "../support/factory";
import { aResult, claimOne, STORED_ERROR } from "../support/moves";
import { storedJob, theJob } from "../support/rows";

const CHILDREN = 5;

const STEPS = ["complete", "fail", "cancel", "rerun", "wait", "end", "redo"] as const;
type Step = { what: (typeof STEPS)[number]; which: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({ what: fc.constantFrom(...STEPS), which: fc.nat(CHILDREN - 1) }),
  { minLength: 5, maxLength: 30 },
);

const used = {
  ...aResult,
  usage: { input_tokens: 2, output_tokens: 3, cached_tokens: 0, reasoning_tokens: 0, cost_usd: 0.5 },
};

/** A job that waits for its children. */
async function family(onChildFailure: (typeof CHILD_FAILURES)[number]) {
  const parent = await claimOne({ ...(await storedJob()), run: 0 });
  if (!parent) throw new Error("not claimed");
  const children = Array.from({ length: CHILDREN }, (_, i) =>
    aNewJob({ id: childId(parent.id, i), parent_id: parent.id, depth: 1 }),
  );
  await waitRun(env.DB, parent, { children, turnState: "1", onChildFailure, seen: 0 }, aResult, TIMING);
  return parent.id;
}

async function make({ what, which }: Step, parentId: string): Promise<void> {
  const key = { projectId: PROJECT, id: childId(parentId, which) };
  const parent = await theJob(parentId);
  const run = async (id: string) => claimOne({ projectId: PROJECT, id, run: 0 });
  if (what === "cancel") await cancelJobs(env.DB, [key]);
  if (what === "rerun") await rerunJobs(env.DB, [{ ...key, delayMs: 0 }], TIMING);
  if (what === "redo") await redoJob(env.DB, parent, TIMING);
  if (what === "complete" || what === "fail") {
    const end =
      what === "complete"
        ? { state: "completed" as const, move: what }
        : { state: "failed" as const, move: what };
    const job = await run(key.id);
    if (job)
      await endRun(env.DB, job, end, {
        ...used,
        error: what === "fail" ? JSON.parse(STORED_ERROR.json) : null,
      });
  }
  if (what === "wait" || what === "end") {
    const job = await run(parentId);
    if (!job) return;
    const { onChildFailure } = job;
    if (what === "end") await endRun(env.DB, job, { state: "failed", move: "fail" }, aResult);
    else {
      const lost = (job.children?.failed ?? 0) + (job.children?.cancelled ?? 0);
      const waiting = { children: [], turnState: "1", onChildFailure: onChildFailure ?? "fail", seen: lost };
      await waitRun(env.DB, job, waiting, aResult, TIMING);
    }
  }
}

async function statesOf(parentId: string): Promise<State[]> {
  const sql = "SELECT state FROM jobs WHERE parent_id = ?1 ORDER BY id";
  const { results } = await env.DB.prepare(sql).bind(parentId).all<{ state: State }>();
  return results.map(({ state }) => state);
}

describe("a parent, whatever happens to it and to its children", () => {
  it("counts them exactly, and never waits when nothing could wake it", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...CHILD_FAILURES), steps, async (policy, sequence) => {
        await env.DB.exec("DELETE FROM jobs");
        const id = await family(policy);
        for (const step of sequence) {
          await make(step, id);
          const { children, state } = await theJob(id);
          const states = await statesOf(id);
          const count = (wanted: State) => states.filter((one) => one === wanted).length;
          expect(children).toMatchObject({
            total: CHILDREN,
            completed: count("completed"),
            failed: count("failed"),
            cancelled: count("cancelled"),
          });
          if (state === "waiting") expect(states.every(isFinal)).toBe(false);
          if (state === "waiting" && policy === "fail") expect(count("failed") + count("cancelled")).toBe(0);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("has the sum of what those that have ended have used, also after some of them were done again", async () => {
    const id = await family("ignore");
    for (const which of [0, 1]) await make({ what: "fail", which }, id);
    await make({ what: "rerun", which: 0 }, id);
    expect((await theJob(id)).children).toMatchObject({
      inputTokens: 2,
      outputTokens: 3,
      nanoUsd: 500_000_000,
    });
  });
});

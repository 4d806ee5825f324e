import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isFinal } from "../../src/core/lifecycle";
import type { RunKey } from "../../src/store/moves";
import { endLease, fallDue, runOut } from "../support/age";
import {
  ACTIONS,
  type Action,
  HAPPENINGS,
  type Happening,
  happen,
  type ModelJob,
  move,
  newJob,
} from "../support/lifecycle-model";
import { claimOne, MOVE_CASES } from "../support/moves";
import { type Row, storedJob, theRow } from "../support/rows";

type Step = { act: Action; older: boolean } | { happening: Happening };

const MAX_ATTEMPTS = 3;

const own = (act: Action): Step => ({ act, older: false });

// What leads on comes more often than what ends a job for good.
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(own("claim"), { happening: "falls_due" }, { happening: "lease_ends" }),
  },
  { weight: 4, arbitrary: fc.constantFrom(...ACTIONS).map(own) },
  { weight: 2, arbitrary: fc.constantFrom(own("fail"), own("rerun")) },
  { weight: 1, arbitrary: fc.constantFrom(...ACTIONS).map((act) => ({ act, older: true })) },
  { weight: 1, arbitrary: fc.constantFrom(...HAPPENINGS).map((happening) => ({ happening })) },
);

async function act(action: Action, key: RunKey) {
  if (action === "claim") return claimOne(key);
  const name = action === "stop_dead" ? "stop of a dead run" : action;
  const found = MOVE_CASES.find((one) => one.name === name);
  if (!found) throw new Error(`no move ${name}`);
  return found.make(key);
}

async function pass(happening: Happening, job: ModelJob, id: string): Promise<void> {
  if (happening === "falls_due") await fallDue(id);
  else if (happening === "runs_out") await runOut(id);
  else if (job.state === "running") await endLease(id);
}

/** As the engine does: a failure that has used up the attempts is not retried. */
function chosen(step: { act: Action; older: boolean }, job: ModelJob) {
  return step.act === "retry" && job.attempt >= MAX_ATTEMPTS ? { ...step, act: "fail" as const } : step;
}

/** What the model knows of a row. */
function look({ state, run, attempt, crashes, turns, version }: Row | ModelJob) {
  return { state, run, attempt, crashes, turns, version };
}

describe("any sequence of moves", () => {
  it("leads in the database exactly where the model leads, and keeps the invariants", {
    timeout: 60_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 10, maxLength: 40 }), async (sequence) => {
        // Alone: what else runs has a say in who may be taken over.
        await env.DB.exec("DELETE FROM jobs");
        const { id, projectId } = await storedJob({ max_attempts: MAX_ATTEMPTS, on_budget: "fail" });
        let model = newJob;
        let row = await theRow(id);
        for (const step of sequence) {
          const before = model;
          if ("happening" in step) {
            await pass(step.happening, model, id);
            model = happen(model, step.happening);
            row = await theRow(id);
          } else {
            const { act: action, older } = chosen(step, model);
            const next = move(model, action, older);
            const moved = await act(action, { projectId, id, run: model.run - (older ? 1 : 0) });
            const after = await theRow(id);
            expect([action, moved !== null]).toEqual([action, next !== null]);
            if (!next) expect(after).toEqual(row);
            model = next ?? model;
            row = after;
          }
          expect(look(row ?? {})).toEqual(look(model));
          expect(row?.run).toBeGreaterThanOrEqual(before.run);
          expect(row?.attempt).toBeLessThanOrEqual(MAX_ATTEMPTS);
          if (isFinal(before.state) && model.state !== before.state)
            expect(step).toMatchObject({ act: "rerun" });
        }
      }),
      { numRuns: 50 },
    );
  });
});

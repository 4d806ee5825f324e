import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cancelAll } from "../../src/engine/cancel";
import { sweep } from "../../src/engine/sweep";
import type { Doorbell } from "../../src/env";
import { answer, failure } from "../llm/fake-provider";
import { findBreaches } from "../support/contract";
import { FULL, ROUNDS, SEED } from "../support/fault-rounds";
import { howTold, type Scenario, type Stage, stageFor, submit } from "../support/fault-stage";
import { emptyBucket, emptyTables } from "../support/fault-trial";
import { atPeace, FAULT_KINDS, type Mishap, type Wire } from "../support/fault-wire";
import { leadsTo, type Seen } from "../support/lifecycle-model";
import { theRow } from "../support/rows";
import { startVirtualTime, stopVirtualTime } from "../support/virtual-time";
import { answerBatch } from "../support/world";

const RUNS = FULL ? 10 * ROUNDS : 15;

const request = { task: "generate", input: { prompt: "Tea", model: "acme/chat" }, timeout_s: 20 };

/** Which job, by its place. `after`: operations of the process until its mishap. */
type Step =
  | { do: "submit" }
  | { do: "deliver"; jobs: number[]; mishap: Mishap | null; after: number }
  | { do: "cancel"; job: number; mishap: Mishap | null; after: number }
  | { do: "sweep"; mishap: Mishap | null; after: number }
  | { do: "age" }
  | { do: "thaw" };

const place = fc.nat({ max: 3 });
const after = fc.nat({ max: 14 });
const mishap = fc.option(fc.constantFrom<Mishap>(...FAULT_KINDS), { nil: null });
const freezing = fc.option(fc.constantFrom<Mishap>(...FAULT_KINDS, "freeze", "freeze after"), { nil: null });

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Step>({ do: "submit" }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("deliver" as const),
      jobs: fc.array(place, { minLength: 1, maxLength: 4 }),
      mishap: freezing,
      after,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cancel" as const), job: place, mishap, after }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("sweep" as const), mishap, after }) },
  { weight: 3, arbitrary: fc.constant<Step>({ do: "age" }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: "thaw" }) },
);

/** Every third call to a model fails. */
const flaky: Scenario = {
  name: "interleaving",
  reply: (_call, nth) => (nth % 3 === 0 ? failure(503) : answer()),
  begin: async () => {},
};

class Walk {
  readonly stage: Stage = stageFor(flaky);
  private readonly zombies: { wire: Wire; ended: Promise<unknown> }[] = [];
  private readonly seen = new Map<string, Seen>();

  ids(): string[] {
    return this.stage.promised.flatMap((promise) => promise.ids);
  }

  async take(step: Step): Promise<void> {
    const { world, promised } = this.stage;
    if (step.do === "submit") {
      if (promised.length < 4) await submit(this.stage, [request], { attempts: 5, calls: 5 });
    } else if (step.do === "age") await world.age();
    else if (step.do === "thaw") await this.thaw();
    else await this.withMishap(step);
    await this.look();
  }

  private async withMishap(step: Extract<Step, { mishap: unknown }>): Promise<void> {
    const { world, promised } = this.stage;
    const target = world.traffic.ops.length + 1 + step.after;
    world.traffic.plan = (op) => (op.n === target ? step.mishap : null);
    if (step.do === "deliver") {
      const bells = step.jobs.flatMap((job): Doorbell[] =>
        this.ids()[job] ? [{ p: "default", id: this.ids()[job] ?? "" }] : [],
      );
      const life = world.start("consumer", (deps) => answerBatch(deps, bells, world.mail.rung));
      await world.until(Promise.race([life.ended, life.wire.frost]));
      if (life.wire.isFrozen()) this.zombies.push(life);
    } else if (step.do === "sweep") await world.run("clock", (deps) => sweep(deps, true));
    else if (promised[step.job]) {
      const promise = promised[step.job];
      const key = { projectId: "default", id: promise?.ids[0] ?? "" };
      const end = await world.run("cancel", (deps) => cancelAll(deps, [key]));
      const isSure = howTold(end) === "accepted" && end.answer?.ok && end.answer.value.length > 0;
      // Asked to stop is not stopped: a run may have its answer already.
      if (promise && (isSure || promise.ends.length === 1)) promise.ends = ["completed", "cancelled"];
    }
    world.traffic.plan = atPeace;
  }

  async thaw(): Promise<void> {
    const zombie = this.zombies.shift();
    zombie?.wire.thaw();
    if (zombie) await this.stage.world.until(zombie.ended);
  }

  /** Whatever has happened, moves of the table lead there. */
  private async look(): Promise<void> {
    for (const id of this.ids()) {
      const row = (await theRow(id)) as Seen | null;
      if (!row) continue;
      const before = this.seen.get(id) ?? { ...FIRST, version: 1 };
      expect(leadsTo(before, row), `${JSON.stringify(before)} leads to ${JSON.stringify(row)}`).toBe(true);
      const { state, run, attempt, crashes, turns, version } = row;
      this.seen.set(id, { state, run, attempt, crashes, turns, version });
    }
  }

  /** All that were frozen go on, and everything comes to its end. */
  async finish(): Promise<string[]> {
    while (this.zombies.length > 0) await this.thaw();
    await this.stage.world.live();
    const { world, promised } = this.stage;
    // Three dead runs fail a job, and that is no breach.
    for (const promise of promised) {
      const row = await theRow(promise.ids[0] ?? "");
      if (row?.state === "failed" && Number(row.crashes) === 3) promise.ends = ["failed"];
    }
    const dead = world.processes.length;
    return findBreaches(this.stage, { crashes: dead, brokenCalls: dead, lostCalls: dead });
  }
}

const FIRST: Seen = { state: "pending", run: 0, attempt: 0, crashes: 0, turns: 0, version: 1 };

describe("any interleaving of submits, deliveries, deaths, takeovers, cancels, sweeps and time", () => {
  it("makes only moves of the table, and ends every accepted job once", { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 5, maxLength: 30 }), async (sequence) => {
        await emptyTables();
        startVirtualTime();
        try {
          const walk = new Walk();
          await walk.take({ do: "submit" });
          for (const step of sequence) await walk.take(step);
          expect(await walk.finish()).toEqual([]);
        } finally {
          stopVirtualTime();
          await emptyBucket();
        }
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });
});

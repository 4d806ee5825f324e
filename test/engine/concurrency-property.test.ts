import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AppError } from "../../src/core/errors";
import type { WholeJob } from "../../src/core/job";
import { TIMING } from "../../src/core/limits";
import { again, done } from "../../src/core/outcome";
import { answerDoorbells } from "../../src/engine/answer";
import { cancelAll } from "../../src/engine/cancel";
import { conclude } from "../../src/engine/conclude";
import { createNarrator } from "../../src/engine/narrator";
import { ring } from "../../src/engine/ring";
import { createRunTools } from "../../src/engine/run-batch";
import type { RunEnd } from "../../src/engine/settle";
import { sweep } from "../../src/engine/sweep";
import type { Doorbell } from "../../src/env";
import { claimSuspect } from "../../src/store/claims";
import { insertJobs } from "../../src/store/submit";
import { endLease } from "../support/age";
import { type TestDeps, testDeps } from "../support/deps";
import { aNewJob, anId, PROJECT } from "../support/factory";
import { SEED } from "../support/fault-rounds";

const NOW = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

/** Which one, by its place among those that there are. `fate`: what becomes of the doorbells that are delivered. */
type Step =
  | { do: "submit"; key: number; limit: number; priority: number; count: number }
  | { do: "deliver"; from: number; count: number; fate: "once" | "doubled" | "lost" | "to two at once" }
  | { do: "settle"; which: number; how: (typeof ENDS)[number] }
  | { do: "crash" | "cancel"; which: number }
  | { do: "sweep" };

const ENDS = ["done", "retry", "fail", "again", "cancelled"] as const;
const place = fc.nat({ max: 9 });

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("submit" as const),
      key: fc.nat({ max: 1 }),
      limit: fc.integer({ min: 1, max: 3 }),
      priority: fc.integer({ min: -1, max: 1 }),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("deliver" as const),
      from: place,
      count: fc.integer({ min: 1, max: 5 }),
      fate: fc.constantFrom("once" as const, "doubled" as const, "lost" as const, "to two at once" as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("settle" as const), which: place, how: fc.constantFrom(...ENDS) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom("crash" as const, "cancel" as const), which: place }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ do: "sweep" }) },
);

const silent = { publish: async () => {}, forget: async () => {} };

class Walk {
  readonly deps: TestDeps = testDeps({ hubs: { getByName: () => silent } as unknown as TestDeps["hubs"] });
  /** Doorbells on their way; every one that is rung comes here. */
  private readonly mail: Doorbell[] = this.deps.rung;
  private readonly submitted: string[] = [];
  /** Those whose process lives, and those that have lost their job to another and do not know it yet. */
  private runs: WholeJob[] = [];

  async take(step: Step): Promise<void> {
    if (step.do === "submit") await this.submit(step);
    else if (step.do === "deliver") await this.deliver(step);
    else if (step.do === "settle") await this.settle(step.which, step.how);
    else if (step.do === "sweep") await this.look();
    else if (step.do === "crash") await this.crash(step.which);
    else await this.cancel(step.which);
    await this.deps.backgroundDone();
    await this.check();
  }

  private async submit({ key, limit, priority, count }: Extract<Step, { do: "submit" }>): Promise<void> {
    const over = { concurrency_key: `k${key}`, concurrency_limit: limit, priority };
    const jobs = Array.from({ length: count }, () => aNewJob(over));
    const stored = await insertJobs(env.DB, PROJECT, jobs, null, TIMING);
    this.submitted.push(...jobs.map(({ id }) => id));
    await ring(this.deps, stored);
  }

  private async deliver({ from, count, fate }: Extract<Step, { do: "deliver" }>): Promise<void> {
    const bells = this.mail.splice(from % Math.max(1, this.mail.length), count);
    if (fate === "lost") return;
    if (fate === "doubled") this.mail.push(...bells);
    const batches = fate === "to two at once" ? [bells, bells.toReversed()] : [bells];
    await Promise.all(batches.map((batch) => this.answer(batch)));
  }

  private async answer(bells: Doorbell[]): Promise<void> {
    const { jobs, suspects } = await answerDoorbells(this.deps, bells);
    this.runs.push(...jobs);
    for (const suspect of suspects) {
      const job = await claimSuspect(env.DB, suspect, anId("clm"), TIMING);
      if (job) this.runs.push(job);
    }
  }

  private async settle(which: number, how: (typeof ENDS)[number]): Promise<void> {
    const [job] = this.runs.splice(which % Math.max(1, this.runs.length), 1);
    if (!job) return;
    const end: RunEnd = { result: resultOf(how), usage: null, progress: null, startedAt: 1, run: job.run };
    const tools = createRunTools(this.deps);
    await conclude(this.deps, job, end, createNarrator(this.deps, job, tools), tools.ends);
  }

  /** Every second one is only believed dead, and comes to settle later. */
  private async crash(which: number): Promise<void> {
    const job = this.runs[which % Math.max(1, this.runs.length)];
    if (!job) return;
    if (which % 2 === 0) this.runs = this.runs.filter((run) => run !== job);
    const { state } = (await this.rows()).find(({ id }) => id === job.id) ?? {};
    if (state === "running") await endLease(job.id);
  }

  private async cancel(which: number): Promise<void> {
    const id = this.submitted[which % Math.max(1, this.submitted.length)];
    if (id) await cancelAll(this.deps, [{ projectId: PROJECT, id }]);
  }

  /** What was to come has been, and the clock looks. */
  private async look(): Promise<void> {
    await env.DB.exec(
      `UPDATE jobs SET run_at = MIN(run_at, ${NOW} - 40000), wake_at = ${NOW} - 5000 WHERE wake_at IS NOT NULL`,
    );
    await sweep(this.deps, true);
  }

  private async rows() {
    type Row = { id: string; state: string; key: string; own: number; attempt: number };
    const sql =
      "SELECT id, state, concurrency_key AS key, concurrency_limit AS own, attempt FROM jobs ORDER BY own";
    return (await env.DB.prepare(sql).all<Row>()).results;
  }

  /** Of those that run with a key, the n-th by limit has a limit of n or more: else one of them began too early. */
  private async check(): Promise<void> {
    const running = (await this.rows()).filter(({ state }) => state === "running");
    for (const [key, ofKey] of Map.groupBy(running, (row) => row.key)) {
      const early = ofKey.filter(({ own }, i) => own < i + 1);
      expect(early, `${ofKey.length} run with ${key}`).toEqual([]);
    }
  }

  /** All runs end well and all doorbells arrive; the clock looks when there is nothing else to do. */
  async finish(): Promise<void> {
    for (let round = 0; round < 200; round++) {
      if (this.runs.length > 0) await this.take({ do: "settle", which: 0, how: "done" });
      else if (this.mail.length > 0) await this.take({ do: "deliver", from: 0, count: 10, fate: "once" });
      else if ((await this.rows()).every(({ state }) => isOver(state))) return;
      else {
        await env.DB.exec(`UPDATE jobs SET lease_until = 1 WHERE state = 'running'`);
        await this.take({ do: "sweep" });
      }
    }
    expect((await this.rows()).filter(({ state }) => !isOver(state))).toEqual([]);
  }

  /** Nothing was lost, and what was neither cancelled nor has failed has run. */
  async expectAllRun(): Promise<void> {
    const rows = await this.rows();
    expect(rows.map(({ id }) => id).sort()).toEqual(this.submitted.toSorted());
    for (const { state, attempt } of rows) if (state === "completed") expect(attempt).toBeGreaterThan(0);
  }
}

const isOver = (state: string) => ["completed", "failed", "cancelled"].includes(state);

function resultOf(how: (typeof ENDS)[number]): RunEnd["result"] {
  if (how === "done") return { ok: true, outcome: done("ok") };
  if (how === "again") return { ok: true, outcome: again(1) };
  const code = ({ retry: "provider_error", fail: "output_truncated", cancelled: "cancelled" } as const)[how];
  return { ok: false, error: new AppError(code), partial: null };
}

describe("any interleaving of submits, claims, ends, crashes, cancels and takeovers, with doorbells lost and doubled", () => {
  it("never has more jobs of a key running than each of them allows, and brings every job to its end", {
    timeout: 400_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 8, maxLength: 30 }), async (sequence) => {
        await env.DB.exec("DELETE FROM jobs");
        const walk = new Walk();
        await walk.take({ do: "submit", key: 0, limit: 1, priority: 0, count: 3 });
        for (const step of sequence) await walk.take(step);
        await walk.finish();
        await walk.expectAllRun();
      }),
      { numRuns: 200, seed: SEED },
    );
  });
});

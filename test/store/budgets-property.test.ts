import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { TIMING } from "../../src/core/limits";
import { claimCounted, claimSuspect } from "../../src/store/claims";
import type { JobKey } from "../../src/store/db";
import { type Used, writeLost } from "../../src/store/ledger";
import { askToStop, cancelJobs, crashJob, stopDeadRun } from "../../src/store/moves";
import { endRun, returnRun } from "../../src/store/run-ends";
import { endLease } from "../support/age";
import { clearBudgets, limitTo, theBudget } from "../support/budgets";
import { anId } from "../support/factory";
import { aResult, STORED_ERROR } from "../support/moves";
import { storedJob, theRow } from "../support/rows";
import { type Random, seeded } from "../support/seeded";

const SEED = Number(env.FAULT_SEED || Date.now() % 1_000_000);
const ROUNDS = 8;
const STEPS = 40;
const LIMIT = 150;
const MOST = 100;

/** What must be so, counted by hand beside the database. */
type Known = { jobs: Map<string, { reserve: number; run: number }>; spent: number; lost: number };

type Running = JobKey & { run: number; reserve: number };

class Play {
  readonly known: Known = { jobs: new Map(), spent: 0, lost: 0 };

  constructor(private readonly random: Random) {}

  async step(): Promise<void> {
    const steps = [this.submit, this.submit, this.claim, this.claim, this.claim, this.end, this.end];
    await this.random
      .pick([...steps, this.crash, this.giveUp, this.cancel, this.stopDead, this.haunt])
      .call(this);
  }

  async submit(): Promise<void> {
    const reserve = 1 + this.random.below(MOST);
    const job = await storedJob({ model: "acme/chat", reserve_tokens: reserve });
    this.known.jobs.set(job.id, { reserve, run: 0 });
  }

  /** Several consumers at once, which may well be after the same jobs. */
  async claim(): Promise<void> {
    const pending = await this.in("pending");
    const consumers = Array.from({ length: 3 }, () => pending.filter(() => this.random.below(2) === 0));
    await Promise.all(
      consumers.map((keys) => (keys.length ? claimCounted(env.DB, keys, anId("clm"), TIMING) : [])),
    );
  }

  async end(): Promise<void> {
    const job = await this.someRunning();
    if (!job) return;
    const used = this.use(job, job.run);
    const result = { ...aResult, used };
    const ends = [
      () => endRun(env.DB, job, { state: "completed", move: "complete" }, result),
      () => endRun(env.DB, job, { state: "failed", move: "fail" }, result),
      () => returnRun(env.DB, job, { move: "retry", delayMs: 0 }, result),
      () => returnRun(env.DB, job, { move: "defer", reason: "retrying", delayMs: 0 }, result),
    ];
    expect(await this.random.pick(ends)()).not.toBeNull();
    this.known.spent += used.usage.input_tokens;
  }

  /** Its run dies, and another goes on with it. */
  async crash(): Promise<void> {
    const job = await this.someRunning();
    if (!job) return;
    await endLease(job.id);
    await claimSuspect(env.DB, job, anId("clm"), TIMING);
  }

  async giveUp(): Promise<void> {
    const job = await this.someRunning();
    if (!job) return;
    await endLease(job.id);
    await crashJob(env.DB, job, STORED_ERROR, TIMING);
  }

  async cancel(): Promise<void> {
    const [job] = await this.in("pending");
    if (job) await cancelJobs(env.DB, [job]);
  }

  async stopDead(): Promise<void> {
    const job = await this.someRunning();
    if (!job) return;
    await askToStop(env.DB, [job]);
    await endLease(job.id);
    expect(await stopDeadRun(env.DB, job)).not.toBeNull();
  }

  /** A run that was taken over comes to write what it has used: nothing is reserved for that. */
  async haunt(): Promise<void> {
    const job = await this.someRunning();
    if (!job || job.run < 2) return;
    const used = this.use(job, job.run - 1);
    const before = (await theBudget()).spending.tokens_per_day.spent;
    await writeLost(env.DB, job, used);
    const more = (await theBudget()).spending.tokens_per_day.spent - before;
    expect([0, used.usage.input_tokens]).toContain(more);
    this.known.spent += more;
    this.known.lost += more;
  }

  /** The reservations that must stand: those of the runs under way. */
  async reserved(): Promise<number> {
    return (await this.running()).reduce((sum, { reserve }) => sum + reserve, 0);
  }

  private use({ reserve }: Running, run: number): Used {
    const input_tokens = 1 + this.random.below(reserve);
    const usage = { input_tokens, output_tokens: 0, cached_tokens: 0, reasoning_tokens: 0, cost_usd: 0 };
    return { run, task: "generate", model: "acme/chat", keyId: null, price: null, usage };
  }

  async in(state: string): Promise<JobKey[]> {
    const sql = "SELECT project_id AS projectId, id FROM jobs WHERE state = ?1";
    return (await env.DB.prepare(sql).bind(state).all<JobKey>()).results;
  }

  private async running(): Promise<Running[]> {
    return Promise.all(
      (await this.in("running")).map(async (key) => {
        const reserve = this.known.jobs.get(key.id)?.reserve ?? 0;
        return { ...key, run: Number((await theRow(key.id))?.run), reserve };
      }),
    );
  }

  private async someRunning(): Promise<Running | undefined> {
    const running = await this.running();
    return running.length > 0 ? this.random.pick(running) : undefined;
  }
}

describe("whatever happens to jobs under a budget", () => {
  it(`spent and reserved never exceed it by more than one reservation, and no reservation outlives its run (seed ${SEED})`, {
    timeout: 120_000,
  }, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      await clearBudgets();
      await limitTo({ tokens_per_day: LIMIT });
      const play = new Play(seeded(SEED + round));
      for (let i = 0; i < STEPS; i++) {
        await play.step();
        const { spent, reserved } = (await theBudget()).spending.tokens_per_day;
        expect([round, i, spent]).toEqual([round, i, play.known.spent]);
        expect([round, i, reserved]).toEqual([round, i, await play.reserved()]);
        // Of what a lost run has used nobody could know beforehand.
        expect(spent + reserved).toBeLessThanOrEqual(LIMIT - 1 + MOST + play.known.lost);
      }
      const { spent, reserved } = (await theBudget()).spending.tokens_per_day;
      const [next] = await play.in("pending");
      if (!next) continue;
      const claimed = await claimCounted(env.DB, [next], anId("clm"), TIMING);
      const isSuspect = Number((await theRow(next.id))?.crashes) > 0;
      if (!isSuspect) expect(claimed).toHaveLength(spent + reserved < LIMIT ? 1 : 0);
    }
  });
});

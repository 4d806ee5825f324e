// A small world around the engine: processes that come and go, messages between them, and time that passes when told.

import { env } from "cloudflare:workers";
import { answerDoorbells } from "../../src/engine/answer";
import { runBatch } from "../../src/engine/run-batch";
import { sweep } from "../../src/engine/sweep";
import type { Doorbell } from "../../src/env";
import type { Fetch } from "../../src/llm/fetch";
import { type TestDeps, testDeps } from "./deps";
import { atPeace, createWire, type Traffic, type Wire } from "./fault-wire";
import { Gatekeepers } from "./gatekeepers";
import { dropTimers, meetRealTime, pass, pump } from "./virtual-time";
import { type Mail, wiredBindings } from "./wired-bindings";

/** How a process ended. `answer`: what it had to say, if it came to that, whatever happened to it later. */
export type End<T> = {
  answer: { ok: true; value: T } | { ok: false; error: unknown } | null;
  how: "done" | "died" | "stuck";
};

/** `unheard`: it could not say whether it had done what it was to do. */
export type Process = {
  name: string;
  how: "runs" | End<unknown>["how"];
  unheard: boolean;
  logs: TestDeps["logs"];
};

export type Act<T> = (deps: TestDeps) => Promise<T>;

/** One call to a model: whose, by whom, and whether R2 had an answer for the job at that moment. */
export type ModelCall = { job: string; process: string; attempt: number; kept: boolean; refused: boolean };

/** The platform ends an invocation after this. */
const INVOCATION_MS = 15 * 60_000;

const NOW = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

/** A wake time within the hour has come; those in line at a gate have a later one. */
const SOON_OVER = `CASE WHEN wake_at < ${NOW} + 3600000 THEN ${NOW} - 5000 ELSE wake_at END`;

/** What passes between two looks of the clock. */
const ROUND_MS = 30_000;

/** What passes until a doorbell that was put back comes again. */
const PUT_BACK_MS = 10_000;

/** Rounds after which everything must have ended: each is a look of the clock and a batch of doorbells. */
const MAX_ROUNDS = 25;

export class World {
  readonly traffic: Traffic = { ops: [], busy: 0, plan: atPeace };
  readonly mail: Mail = { rung: [], told: [], armed: [] };
  readonly calls: ModelCall[] = [];
  readonly processes: Process[] = [];
  /** What must never happen, and did. */
  readonly wrongs: string[] = [];
  readonly gates = new Gatekeepers(this.traffic, this.mail);
  private trust = true;

  /** `reply`: how the provider answers, told which call of the job it is. `skew`: how wrong a process's clock goes. */
  constructor(
    private readonly reply: (
      call: ModelCall,
      nth: number,
      init?: RequestInit,
    ) => Response | Promise<Response>,
    private readonly skew: () => number = () => 0,
  ) {}

  /** Starts a process and lets time pass until it has ended. */
  async run<T>(name: string, act: Act<T>): Promise<End<T>> {
    const { ended } = this.start(name, act);
    return this.until(ended);
  }

  /** Lets time pass until the promise has settled. */
  async until<T>(promise: Promise<T>): Promise<T> {
    if (await pump(promise, () => this.traffic.busy > 0, INVOCATION_MS + 60_000)) return promise;
    throw new Error(`nothing moves any more after ${JSON.stringify(this.traffic.ops.at(-1))}`);
  }

  /** Starts a process, for one who waits for it in their own time. */
  start<T>(name: string, act: Act<T>): { wire: Wire; ended: Promise<End<T>> } {
    const process = `${name} ${this.processes.length + 1}`;
    const wire = createWire(process, this.traffic);
    const skew = this.skew();
    const provider: Fetch = (_url, init) => this.answer(process, init);
    const bindings = wiredBindings(process, wire, this.mail, this.gates, provider);
    const deps = testDeps({ ...bindings, now: () => Date.now() + skew });
    // As waitUntil: whether it fails is nobody's business.
    const { background } = deps;
    deps.background = (promise) => background(promise.catch(() => {}));
    const seen: Process = { name: process, how: "runs", unheard: false, logs: deps.logs };
    this.processes.push(seen);
    let answer: End<T>["answer"] = null;
    const life = (async () => {
      try {
        answer = { ok: true, value: await act(deps) };
      } catch (error) {
        answer = { ok: false, error };
        seen.unheard = true;
      }
      await deps.backgroundDone();
      return "done" as const;
    })();
    const killed = Promise.withResolvers<"stuck">();
    const limit = setTimeout(() => killed.resolve("stuck"), INVOCATION_MS);
    const died = wire.death.then(() => "died" as const);
    const ended = Promise.race([life, died, killed.promise]).then((how) => {
      clearTimeout(limit);
      seen.how = how;
      if (how === "stuck") this.wrongs.push(`${process} hangs until the platform ends it`);
      return { answer, how };
    });
    return { wire, ended };
  }

  /** As the consumer does with a batch. */
  async consume(bells: Doorbell[]): Promise<End<void>> {
    return this.run("consumer", (deps) => answerBatch(deps, bells, this.mail.rung));
  }

  /** As the clock does. After a pass that could not reach the database it trusts no lease in the next. */
  async tick(): Promise<void> {
    const trust = this.trust;
    const { answer } = await this.run("clock", (deps) => sweep(deps, trust));
    this.trust = answer?.ok !== false;
    await this.until(this.gates.lookAround());
  }

  /** Rings, sweeps and lets time pass until nothing is open any more. */
  async live(): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const bells = this.takeBells();
      if (bells.length > 0) {
        const { answer } = await this.consume(bells);
        // What was put back comes again after a while.
        if (answer?.ok === false) pass(PUT_BACK_MS);
      } else if (!(await this.isOpen())) return this.tellAgain();
      else {
        await this.age();
        await this.tick();
      }
    }
    this.wrongs.push(`still open after ${MAX_ROUNDS} rounds`);
  }

  takeBells(): Doorbell[] {
    const bells = new Map(this.mail.rung.splice(0).map((bell) => [bell.id, bell]));
    return [...bells.values()];
  }

  /** What was to come has been: due times, ends of leases. Whoever still runs is dead, or a zombie. */
  async age(): Promise<void> {
    if (this.processes.every(({ how }) => how !== "runs")) {
      dropTimers();
      this.gates.dropStuck();
    }
    meetRealTime();
    pass(ROUND_MS);
    await env.DB.batch([
      env.DB.prepare(
        `UPDATE jobs SET run_at = ${NOW} - 40000, wake_at = ${SOON_OVER} WHERE state = 'pending'`,
      ),
      env.DB.prepare(
        `UPDATE jobs SET lease_until = ${NOW} - 5000, wake_at = ${SOON_OVER} WHERE state = 'running'`,
      ),
      env.DB.prepare(`UPDATE operations SET wake_at = ${NOW} - 5000 WHERE finished_at IS NULL`),
      env.DB.prepare(`UPDATE budgets SET wake_at = ${NOW} - 5000 WHERE wake_at IS NOT NULL`),
    ]);
  }

  async isOpen(): Promise<boolean> {
    const sql = `SELECT (SELECT COUNT(*) FROM jobs WHERE wake_at IS NOT NULL OR erase_at IS NOT NULL)
      + (SELECT COUNT(*) FROM operations WHERE finished_at IS NULL) AS open`;
    return (await env.DB.prepare(sql).first<{ open: number }>())?.open !== 0;
  }

  /** One more doorbell for every job: what a process that died did not come to tell is told now. */
  async tellAgain(): Promise<void> {
    const sql = "SELECT project_id AS p, id FROM jobs";
    const { results } = await env.DB.prepare(sql).all<Doorbell>();
    if (results.length > 0) await this.consume(results);
  }

  private async answer(process: string, init?: RequestInit): Promise<Response> {
    const headers = new Headers(init?.headers);
    const job = headers.get("x-errand-job") ?? "";
    const attempt = Number(headers.get("x-errand-attempt"));
    const call = { job, process, attempt, kept: await this.isKept(job), refused: false };
    const nth = this.calls.filter((other) => other.job === job).length + 1;
    this.calls.push(call);
    const response = await this.reply(call, nth, init);
    call.refused = !response.ok;
    return response;
  }

  /** Whether R2 has an answer to what this job is about to ask, or the error of this very attempt. */
  private async isKept(job: string): Promise<boolean> {
    this.traffic.busy += 1;
    const row = await env.DB.prepare("SELECT started_at, attempt, turns FROM jobs WHERE id = ?1")
      .bind(job)
      .first();
    const { objects } = await env.BUCKET.list({ prefix: `unsettled/default/${job}/` });
    const texts = await Promise.all(objects.map(async ({ key }) => (await env.BUCKET.get(key))?.text()));
    this.traffic.busy -= 1;
    return texts.some((text) => {
      const { tried, result } = JSON.parse(text ?? "{}");
      if (!row || tried?.startedAt !== row.started_at || tried.turns !== row.turns) return false;
      return result.ok || tried.attempt === row.attempt;
    });
  }
}

/** As src/consumer.ts does: what cannot be answered is put back. */
export async function answerBatch(deps: TestDeps, bells: Doorbell[], putBack: Doorbell[]): Promise<void> {
  const answer = await answerDoorbells(deps, bells).catch((error) => {
    putBack.push(...bells);
    throw error;
  });
  await runBatch(deps, answer);
}

// A gate with everything around it in virtual time: database, queue, runs and a provider with limits of its own.

import { Gate, type PoolLimits, type Report, SLOT_MS, type Ticket } from "../../src/core/gate/gate";
import { EventHeap } from "./event-heap";
import { type Answer, ModelProvider, type ProviderOptions } from "./model-provider";
import { PendingJobs } from "./pending-jobs";
import { Random } from "./random";

/** What a job does when it runs, which the gate does not know. */
export type SimulatedJob = { ticket: Ticket; inputTokens: number; outputTokens: number; runMs: number };

export type SimulationOptions = {
  seed: number;
  limits: Partial<PoolLimits>;
  adaptive?: boolean;
  provider: Partial<ProviderOptions>;
  weights?: Record<string, number>;
  /** The share of rings that get lost. */
  lostRings?: number;
  checksMinutes?: boolean;
  /** A call's way to the provider. */
  networkMs?: [number, number];
};

export const START = 1_700_000_000_000 - (1_700_000_000_000 % 60_000);
export const NO_LIMITS: PoolLimits = { rpm: null, tpm: null, rpd: null, tpd: null, concurrency: null };
const LEASE_MS = 60_000;
/** When the database's clock finds a job whose ring got lost. */
const RING_CHECK_MS = 30_000;

export class GateSimulation {
  readonly clock = new EventHeap(START);
  readonly random: Random;
  readonly provider: ModelProvider;
  readonly jobs = new PendingJobs();
  gate: Gate;
  limits: PoolLimits;
  /** When each job's call was served first, and what each project has used. */
  readonly startedAt = new Map<string, number>();
  readonly usedBy = new Map<string, number>();
  readonly runningKeys = new Map<string, number>();
  ended = 0;
  /** What must never happen, as words. */
  readonly violations: string[] = [];
  private readonly known = new Map<string, SimulatedJob>();
  private generation = 0;
  private filling = false;
  private timerAt: number | null = null;

  constructor(private readonly options: SimulationOptions) {
    this.random = new Random(options.seed);
    this.limits = { ...NO_LIMITS, ...options.limits };
    const defaults = { kind: "bucket", rpm: null, tpm: null, announces: true, saysRetryAfter: true } as const;
    this.provider = new ModelProvider({ ...defaults, ...options.provider }, START);
    this.gate = this.newGate(null);
    this.pump();
    this.clock.after(5_000, () => this.lookAfterOverdue());
  }

  get now(): number {
    return this.clock.now;
  }

  /** In one transaction: the pool is rung once. */
  submit(jobs: SimulatedJob[]): void {
    for (const job of jobs) {
      this.known.set(job.ticket.id, job);
      this.jobs.submit(job.ticket);
    }
    if (jobs.length > 1) this.fill();
    else for (const { ticket } of jobs) this.ring(ticket);
  }

  run(forMs: number): void {
    const until = this.now + forMs;
    while (this.clock.step(until)) this.check();
    this.clock.now = until;
  }

  /** Until all jobs have ended. False: they have not by then. */
  runToEnd(withinMs: number): boolean {
    const until = this.now + withinMs;
    while (this.ended < this.known.size && this.clock.step(until)) this.check();
    return this.ended === this.known.size;
  }

  /** The object is evicted: only its memory survives. */
  restart(): void {
    this.generation++;
    this.gate = this.newGate(JSON.parse(JSON.stringify(this.gate.memory())));
    [this.filling, this.timerAt] = [false, null];
    this.fill();
  }

  setLimits(limits: Partial<PoolLimits>): void {
    this.limits = { ...this.limits, ...limits };
    this.gate.setLimits(this.limits, this.now);
    this.pump();
  }

  private newGate(memory: ReturnType<Gate["memory"]> | null): Gate {
    const { adaptive = false, weights = {} } = this.options;
    const weightOf = (projectId: string) => weights[projectId] ?? 1;
    return new Gate({ limits: this.limits, adaptive, now: this.now, memory, weightOf });
  }

  private ring(ticket: Ticket): void {
    if (this.random.chance(this.options.lostRings ?? 0)) {
      this.clock.after(RING_CHECK_MS, () => this.jobs.state(ticket.id) === "pending" && this.ring(ticket));
      return;
    }
    this.clock.after(this.random.between(20, 200), () => this.answer(ticket));
  }

  private answer(ticket: Ticket): void {
    const { tokens } = this.usedByGate();
    const wasRunning = this.jobs.running.has(ticket.id);
    const answer = this.gate.ask(ticket, this.now);
    // A restamp changes nothing; a second slot for a job that has one would.
    if (wasRunning && this.usedByGate().tokens > tokens)
      this.violations.push(`${ticket.id} was given two slots`);
    if (answer === "go") this.start(ticket);
    // Elsewhere it is somebody else's; here it has to come back.
    else if (answer === "down") this.clock.after(1_000, () => this.ring(ticket));
    this.pump();
  }

  private usedByGate(): { tokens: number } {
    return this.options.checksMinutes ? this.gate.view(this.now).used_last_minute : { tokens: 0 };
  }

  private start(ticket: Ticket): void {
    if (!this.jobs.claim(ticket)) {
      if (this.jobs.state(ticket.id) !== "running") this.gate.putBack(ticket.id, null, this.now);
      return;
    }
    this.gate.keep(ticket.id, this.now + LEASE_MS);
    this.countKey(ticket, 1);
    const [least, most] = this.options.networkMs ?? [10, 60];
    this.clock.after(this.random.between(least, most), () => this.call(ticket));
  }

  private call(ticket: Ticket): void {
    const job = this.known.get(ticket.id);
    if (job === undefined) return;
    const none = { inputTokens: null, outputTokens: null, retryAfterMs: null, announced: null, sent: true };
    if (this.provider.isDown) {
      this.clock.after(50, () => this.end(job, { ...none, outcome: "down" }));
      return;
    }
    const tokens = job.inputTokens + job.outputTokens;
    const answer = this.provider.call(tokens, this.now);
    if (answer.served) this.served(job, answer);
    else {
      const { retryAfterMs, announced } = answer;
      this.clock.after(30, () =>
        this.end(job, { ...none, outcome: "rate_limited", retryAfterMs, announced }),
      );
    }
  }

  private served(job: SimulatedJob, { announced }: Answer): void {
    const { ticket, inputTokens, outputTokens } = job;
    if (!this.startedAt.has(ticket.id)) this.startedAt.set(ticket.id, this.now);
    const used = this.usedBy.get(ticket.projectId) ?? 0;
    this.usedBy.set(ticket.projectId, used + inputTokens + outputTokens);
    const heardAt = this.now + Math.min(job.runMs, this.random.between(50, 300));
    const report = { outcome: "ok", sent: true, inputTokens, outputTokens, retryAfterMs: null } as const;
    this.clock.after(job.runMs, () =>
      this.end(job, { ...report, announced: announced && { ...announced, at: heardAt } }),
    );
  }

  private end(job: SimulatedJob, report: Report): void {
    const { ticket } = job;
    this.countKey(ticket, -1);
    const isDone = report.outcome === "ok";
    this.jobs.end(ticket, isDone);
    this.gate.settle(ticket.id, report, this.now);
    if (isDone) this.ended++;
    else this.clock.after(report.retryAfterMs ?? 1_000, () => this.ring(ticket));
    this.pump();
  }

  /** What the object does after whatever it was told. */
  private pump(): void {
    if (this.gate.wantsFill) this.fill();
    for (const ticket of this.turns()) this.ring(ticket);
    const next = this.gate.nextTurnAt(this.now);
    if (next === null || (this.timerAt !== null && this.timerAt <= next && this.timerAt > this.now)) return;
    const { generation } = this;
    this.timerAt = next;
    this.clock.at(Math.max(next, this.now + 1), () => {
      if (generation === this.generation) this.pump();
    });
  }

  /** What is given out never takes the minute above its limit, unless it is a single job that is larger than that. */
  private turns(): Ticket[] {
    const { tpm, rpm } = this.limits;
    if (!this.options.checksMinutes) return this.gate.turns(this.now);
    const before = this.gate.view(this.now);
    const turns = this.gate.turns(this.now);
    const after = this.gate.view(this.now);
    const given = after.in_flight - before.in_flight;
    const isAlone = given === 1 && before.used_last_minute.tokens === 0;
    const { tokens, requests } = after.used_last_minute;
    if (given > 0 && !isAlone && tokens > (tpm ?? tokens))
      this.violations.push(`${tokens} tokens in a minute`);
    if (given > 0 && requests > (rpm ?? requests)) this.violations.push(`${requests} requests in a minute`);
    if (after.in_flight > (this.limits.concurrency ?? after.in_flight) && given > 0)
      this.violations.push(`${after.in_flight} slots`);
    return turns;
  }

  private fill(): void {
    if (this.filling) return;
    this.filling = true;
    const { generation } = this;
    this.clock.after(this.random.between(5, 30), () => {
      if (generation !== this.generation) return;
      this.filling = false;
      this.gate.fill(this.jobs.heads(), [...this.jobs.running.values()], this.now);
      this.pump();
    });
  }

  private lookAfterOverdue(): void {
    for (const { id: jobId } of this.gate.overdue(this.now)) {
      if (this.jobs.running.has(jobId)) this.gate.keep(jobId, this.now + LEASE_MS);
      else this.gate.putBack(jobId, null, this.now);
    }
    this.pump();
    this.clock.after(SLOT_MS / 6, () => this.lookAfterOverdue());
  }

  private countKey({ projectId, concurrency }: Ticket, by: 1 | -1): void {
    if (concurrency === null) return;
    const key = `${projectId}/${concurrency.key}`;
    const running = (this.runningKeys.get(key) ?? 0) + by;
    this.runningKeys.set(key, running);
    if (running > concurrency.limit) this.violations.push(`${running} of ${key} run at once`);
  }

  private check(): void {
    const { concurrency } = this.limits;
    if (concurrency !== null && this.jobs.running.size > concurrency)
      this.violations.push(`${this.jobs.running.size} run at once`);
  }
}

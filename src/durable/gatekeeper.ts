// What a gate does with its days: asks the core who is next, rings for them, reads the line anew, and looks after slots.
// The object around it (gate.ts) gives it a memory and an alarm.

import {
  type Answer,
  type Backlog,
  Gate as Core,
  type Explanation,
  type GateMemory,
  type GateView,
  SLOT_MS,
} from "../core/gate/gate";
import type { HoldKind } from "../core/gate/holds";
import type { Report } from "../core/gate/report";
import type { PoolLimits, Ticket } from "../core/gate/ticket";
import type { Deps } from "../deps";
import { limitsOf } from "../engine/pool-of";
import { ringTurns } from "../engine/ring";
import { errorField } from "../log";
import { lookAtSlots, readLine } from "../store/line";

/** What became of a job that had a slot: its run is over, or it could not be started. */
export type SlotNews = { id: string } & (
  | { report: Report }
  | { putBack: { by: HoldKind; until: number } | null }
);

/** What a further call of a job that has a slot is about to ask for. */
export type CallSize = { inputChars: number; maxOutputTokens: number | null };

/** Where the gate keeps what must survive it. */
export type Store = {
  get<T>(key: string): T | undefined;
  put(key: string, value: unknown): void;
};

const MEMORY = "memory";
const LIMITS = "limits";

/** Since when nobody has waited or run; null: somebody does. */
const QUIET_SINCE = "quiet_since";

/** What a provider counts together: after so long a pause nothing is left of it. */
const MINUTE_MS = 60_000;

/** A line that was read a moment ago is not read again because somebody says that it has changed. */
const READ_AGAIN_MS = 250;

export class Gatekeeper {
  private opening: Promise<Core> | null = null;
  private weights = new Map<string, number>();
  private reading: Promise<void> | null = null;
  private readAt = 0;
  /** Somebody said that the line has changed, a moment after it was read. */
  private isStale = false;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly deps: Deps,
    private readonly pool: string,
    private readonly kv: Store,
  ) {}

  /** Nobody waits and nobody runs, as far as it knows. */
  isIdle = true;

  /** May these jobs start? In the order of the tickets. */
  async ask(tickets: Ticket[]): Promise<Answer[]> {
    const core = await this.open();
    const now = this.deps.now();
    const answers = tickets.map((ticket) => core.ask(ticket, now));
    this.goOn(core);
    return answers;
  }

  /** A further call of a job that has a slot. Milliseconds to wait before it is asked again; 0: it may be made. */
  async take(jobId: string, size: CallSize): Promise<number> {
    const core = await this.open();
    const waitMs = core.take(jobId, size, this.deps.now());
    this.goOn(core);
    return waitMs;
  }

  /** What became of jobs that had a slot. */
  async tell(news: SlotNews[]): Promise<void> {
    const core = await this.open();
    const now = this.deps.now();
    for (const one of news) {
      if ("report" in one) core.settle(one.id, one.report, now);
      else core.putBack(one.id, one.putBack, now);
    }
    this.goOn(core);
  }

  /** The line has changed: jobs came, or may start that might not before. */
  async nudge(): Promise<void> {
    const core = await this.open();
    this.isStale = true;
    this.goOn(core);
  }

  async explain(ticket: Ticket, backlog: Backlog[]): Promise<Explanation> {
    return (await this.open()).explain(ticket, backlog, this.deps.now());
  }

  async view(): Promise<GateView> {
    return (await this.open()).view(this.deps.now());
  }

  /** Limits that overrule those of the settings; what is null or left out is as the settings say. */
  async limit(limits: Partial<PoolLimits>): Promise<void> {
    this.kv.put(LIMITS, limits);
    const core = await this.open();
    core.setLimits(this.settings().limits, this.deps.now());
    this.goOn(core);
  }

  /** The net under the timer: remembers, asks about slots whose time is over, and reads the line. */
  async lookAround(): Promise<void> {
    const core = await this.open();
    this.kv.put(MEMORY, core.memory());
    if (this.isIdle) this.kv.put(QUIET_SINCE, this.deps.now());
    await this.lookAfterSlots(core);
    await this.read(core);
    this.goOn(core);
  }

  /** The core, which knows what runs and who waits. Throws when the database is away: then nobody may start. */
  private open(): Promise<Core> {
    this.opening ??= this.start().catch((error) => {
      this.opening = null;
      throw error;
    });
    return this.opening;
  }

  private async start(): Promise<Core> {
    const memory = this.kv.get<GateMemory>(MEMORY) ?? null;
    const weightOf = (projectId: string) => this.weights.get(projectId) ?? 1;
    // As if it had been there, and had let nobody in, for as long as that is known.
    const core = new Core({ ...this.settings(), memory, weightOf, now: this.deps.now() - this.restedMs() });
    await this.fill(core);
    return core;
  }

  private restedMs(): number {
    const since = this.kv.get<number | null>(QUIET_SINCE);
    if (since === null) return 0;
    return since === undefined ? MINUTE_MS : Math.min(MINUTE_MS, Math.max(0, this.deps.now() - since));
  }

  private settings(): { limits: PoolLimits; adaptive: boolean } {
    const { limits, adaptive } = limitsOf(this.deps.config.catalogue, this.pool);
    const given = Object.entries(this.kv.get<Partial<PoolLimits>>(LIMITS) ?? {});
    const overruling = Object.fromEntries(given.filter(([, limit]) => limit !== null));
    return { adaptive, limits: { ...limits, ...overruling } };
  }

  /** Gives out the turns that have come, and sees to it that somebody looks when the next one does. */
  private goOn(core: Core): void {
    const now = this.deps.now();
    const turns = core.turns(now);
    if (turns.length > 0) this.deps.background(ringTurns(this.deps, this.pool, turns));
    this.noteIdle(core.isIdle && !this.isStale);
    const readAt = this.isStale || core.wantsFill ? this.readAt + READ_AGAIN_MS : Number.POSITIVE_INFINITY;
    const nextAt = Math.min(core.nextTurnAt(now) ?? Number.POSITIVE_INFINITY, readAt);
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (nextAt < Number.POSITIVE_INFINITY) {
      this.timer = setTimeout(() => void this.onTime(core), Math.max(0, nextAt - now));
    }
  }

  private noteIdle(isIdle: boolean): void {
    if (this.isIdle && !isIdle) this.kv.put(QUIET_SINCE, null);
    this.isIdle = isIdle;
  }

  private async onTime(core: Core): Promise<void> {
    const isDue = this.deps.now() >= this.readAt + READ_AGAIN_MS;
    if (isDue && (this.isStale || core.wantsFill)) await this.read(core);
    this.goOn(core);
  }

  /** Reads the line anew, once for all who ask at the same time. Never throws: the net looks again. */
  private read(core: Core): Promise<void> {
    this.reading ??= this.fill(core)
      .catch((error) => this.deps.log("gate_cannot_read", { pool: this.pool, error: errorField(error) }))
      .finally(() => {
        this.reading = null;
      });
    return this.reading;
  }

  private async fill(core: Core): Promise<void> {
    this.readAt = this.deps.now();
    this.isStale = false;
    const { flows, running, weights } = await readLine(this.deps.db, this.pool);
    this.weights = weights;
    core.fill(flows, running, this.deps.now());
  }

  /** A slot whose time is over is asked about before it is given to somebody else. */
  private async lookAfterSlots(core: Core): Promise<void> {
    const overdue = core.overdue(this.deps.now());
    if (overdue.length === 0) return;
    const states = new Map((await lookAtSlots(this.deps.db, overdue)).map((state) => [state.id, state]));
    const now = this.deps.now();
    for (const { id } of overdue) {
      // A dead run keeps its slot: somebody is about to take the job over.
      if (states.get(id)?.isRunning) core.keep(id, now + SLOT_MS);
      else core.putBack(id, null, now);
    }
  }
}

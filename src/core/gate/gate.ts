// The gate of a pool: decides which job may call the provider, and when.

import { Bucket } from "./bucket";
import type { CallSize } from "./estimates";
import { type Explanation, explain } from "./explain";
import type { Filling } from "./flow";
import type { Backlog } from "./forecast";
import type { HoldKind } from "./holds";
import { type GateMemory, type GateOptions, PoolState } from "./pool-state";
import type { Report } from "./report";
import { refundAll, settleRun } from "./settlement";
import type { PoolLimits, Ticket } from "./ticket";
import { type GateView, viewOf } from "./view";

export type { Explanation } from "./explain";
export type { Filling } from "./flow";
export type { Backlog } from "./forecast";
export type { GateMemory } from "./pool-state";
export type { Announced, Meter, Report } from "./report";
export type { PoolLimits, Ticket } from "./ticket";
export type { GateView } from "./view";

/** From the ring to the run's start. */
export const SLOT_MS = 30_000;
const DETOURS_PER_S = 20;
const MOST_TURNS = 1_000;
/** Jobs that joined this lately may be missing in what was read from the database. */
const JUST_JOINED_MS = 10_000;
/** A job that could not be claimed is not rung again at once. */
const UNCLAIMED_MS = 1_000;
/** New jobs stand back for a further call that waits no longer than this; and a little longer for it to come. */
const LONGEST_PROMISE_MS = 5_000;
const PROMISE_GRACE_MS = 1_000;

/** `go`: it has a slot. `wait`: its turn is going to be rung. `down`: the provider is, and the job may go elsewhere. */
export type Answer = "go" | "wait" | "down";

export class Gate {
  private readonly pool: PoolState;
  private readonly detours: Bucket;
  /** Jobs that joined by asking, the oldest first. */
  private readonly joined = new Map<string, { ticket: Ticket; at: number }>();

  constructor(options: GateOptions) {
    this.pool = new PoolState(options);
    this.detours = new Bucket(DETOURS_PER_S / 1_000, DETOURS_PER_S, DETOURS_PER_S, options.now);
  }

  /** Raised or lowered at run time. */
  setLimits(limits: PoolLimits, now: number): void {
    this.pool.admission.setLimits(limits, now);
  }

  /** A job asks to start. "go": it has a slot. "wait": it stands in the window, or is left to the database. */
  ask(ticket: Ticket, now: number): Answer {
    const { pool } = this;
    if (pool.slots.has(ticket.id)) {
      this.begin(ticket.id, now);
      return "go";
    }
    if (ticket.hasDetour && pool.circuit.msUntil(now) > 0) {
      pool.line.remove(ticket.id);
      return "down";
    }
    if (!pool.line.has(ticket.id) && pool.line.join(ticket)) this.noteJoined(ticket, now);
    if (pool.whoseTurn(now)?.id !== ticket.id) return "wait";
    pool.give(ticket, now, now + SLOT_MS, now);
    return "go";
  }

  /** Milliseconds to wait before a further call of a running job; 0: it was taken. It goes before new jobs. */
  take(jobId: string, size: CallSize, now: number): number {
    const { pool } = this;
    const slot = pool.slots.get(jobId);
    const cost = pool.estimates.cost(slot?.ticket.task ?? "", size);
    pool.promises.delete(jobId);
    const circuitMs = pool.circuit.isProbe(jobId) ? 0 : pool.circuit.msUntil(now);
    const ms = Math.max(circuitMs, pool.wait(cost, now).ms);
    if (ms > 0) {
      const until = now + ms + PROMISE_GRACE_MS;
      if (ms <= LONGEST_PROMISE_MS) pool.promises.set(jobId, { tokens: cost.tokens, until });
      return ms;
    }
    const spend = pool.admission.spend(cost, size.inputChars, now);
    slot?.spends.push(spend);
    if (slot !== null) pool.line.charge(slot.ticket, cost.tokens);
    return 0;
  }

  /** The head of each flow's line as the database has it, and the jobs that it says are running. */
  fill(flows: Filling[], running: Ticket[], now: number): void {
    const { line, slots } = this.pool;
    for (const ticket of running) {
      line.remove(ticket.id);
      if (slots.has(ticket.id)) continue;
      slots.add({ ticket, deadline: now + SLOT_MS, startedAt: now, spends: [] });
    }
    this.forgetJoined(now);
    const keep = [...this.joined.values()].map(({ ticket }) => ticket).filter(({ id }) => line.has(id));
    line.fill(flows, keep, (jobId) => slots.has(jobId));
  }

  /** Those whose turn it is, each with a slot; while the provider is down also those that can go elsewhere, without. */
  turns(now: number): Ticket[] {
    const { pool } = this;
    const turns: Ticket[] = [];
    for (let next = pool.whoseTurn(now); next && turns.length < MOST_TURNS; next = pool.whoseTurn(now)) {
      pool.give(next, null, now + SLOT_MS, now);
      turns.push(next);
    }
    if (pool.circuit.msUntil(now) === 0) return turns;
    for (let next = pool.line.nextDetour(); next; next = pool.line.nextDetour()) {
      if (this.detours.msUntil(1, now) > 0) break;
      this.detours.take(1, now);
      pool.line.remove(next.id);
      turns.push(next);
    }
    return turns;
  }

  /** When `turns` gives something without being told anything before; null: never. */
  nextTurnAt(now: number): number | null {
    const { pool } = this;
    if (pool.line.size === 0) return null;
    const times: number[] = [];
    const circuitMs = pool.circuit.msUntil(now);
    if (circuitMs > 0 && pool.line.nextDetour() !== null) times.push(now + this.detours.msUntil(1, now));
    if (!pool.isFull) {
      const next = pool.next(now);
      if (next !== null) times.push(now + Math.max(circuitMs, pool.wait(pool.cost(next), now).ms));
      const holdEnd = pool.holds.nextEnd(now);
      if (holdEnd !== null) times.push(holdEnd);
    }
    return times.length === 0 ? null : Math.min(...times);
  }

  /** The window has run low of jobs that the database still has. */
  get wantsFill(): boolean {
    return this.pool.line.wantsFill;
  }

  /** Nobody waits and nobody runs. */
  get isIdle(): boolean {
    return this.pool.line.size === 0 && this.pool.slots.size === 0;
  }

  /** The run of a job is over: gives its slot back, counts what was used really, learns. */
  settle(jobId: string, report: Report, now: number): void {
    this.pool.promises.delete(jobId);
    settleRun(this.pool, jobId, this.pool.slots.remove(jobId), report, now);
  }

  /** Given back unused: it could not be claimed. Without a `hold` it is left to the database, to be asked about again. */
  putBack(jobId: string, hold: { by: HoldKind; until: number } | null, now: number): void {
    const { pool } = this;
    const slot = pool.slots.remove(jobId);
    if (slot === null) return;
    pool.promises.delete(jobId);
    pool.circuit.forget(jobId);
    refundAll(pool, slot, now);
    pool.holds.hold(slot.ticket, hold?.by ?? "job", hold?.until ?? now + UNCLAIMED_MS, now);
    if (hold === null) pool.line.lookAgain(slot.ticket.projectId, slot.ticket.lane);
    else pool.line.join(slot.ticket);
  }

  /** Slots past their deadline: to be looked up in the database, and then kept, settled or put back. */
  overdue(now: number): Ticket[] {
    return this.pool.slots.overdue(now);
  }

  keep(jobId: string, until: number): void {
    const slot = this.pool.slots.get(jobId);
    if (slot !== null) slot.deadline = until;
  }

  explain(ticket: Ticket, behind: Backlog[], now: number): Explanation {
    return explain(this.pool, ticket, behind, now);
  }

  view(now: number): GateView {
    return viewOf(this.pool, now);
  }

  /** What survives an eviction. */
  memory(): GateMemory {
    return this.pool.memory();
  }

  /** The run begins: the provider counts its call from now on, not from the ring. */
  private begin(jobId: string, now: number): void {
    const slot = this.pool.slots.get(jobId);
    if (slot === null || slot.startedAt !== null) return;
    slot.startedAt = now;
    slot.deadline = Math.max(slot.deadline, now + SLOT_MS);
    slot.spends = slot.spends.map((spend) => this.pool.admission.restamp(spend, now));
  }

  private noteJoined(ticket: Ticket, now: number): void {
    this.forgetJoined(now);
    if (!this.joined.has(ticket.id)) this.pool.line.noteArrival(ticket, now);
    this.joined.delete(ticket.id);
    this.joined.set(ticket.id, { ticket, at: now });
  }

  private forgetJoined(now: number): void {
    for (const [jobId, { at }] of this.joined) {
      if (at > now - JUST_JOINED_MS && this.joined.size <= MOST_TURNS) return;
      this.joined.delete(jobId);
    }
  }
}

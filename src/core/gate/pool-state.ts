// The parts of a gate put together, and the two questions that all of them answer: who is next, and when it fits.

import { Admission, type AdmissionMemory, type Wait } from "./admission";
import { Circuit, type CircuitMemory } from "./circuit";
import { type Cost, Estimates, type EstimatesMemory } from "./estimates";
import { Holds } from "./holds";
import { Line } from "./line";
import { RunTimes } from "./run-times";
import { Slots } from "./slots";
import type { PoolLimits, Ticket } from "./ticket";

/** What survives an eviction. Plain JSON. */
export type GateMemory = {
  admission: AdmissionMemory;
  estimates: EstimatesMemory;
  circuit: CircuitMemory | null;
  runMs: number | null;
};

export type GateOptions = {
  limits: PoolLimits;
  adaptive: boolean;
  now: number;
  memory: GateMemory | null;
  weightOf(projectId: string): number;
};

export class PoolState {
  readonly admission: Admission;
  readonly estimates: Estimates;
  readonly circuit: Circuit;
  readonly line: Line;
  readonly slots = new Slots((projectId) => this.line.forgetHeads(projectId));
  readonly holds = new Holds((projectId) => this.line.forgetHeads(projectId));
  readonly runTimes: RunTimes;
  /** Further calls of running jobs that were told to wait: new jobs leave them their room until then. */
  readonly promises = new Map<string, { tokens: number; until: number }>();

  constructor({ limits, adaptive, now, memory, weightOf }: GateOptions) {
    this.admission = new Admission(limits, adaptive, memory?.admission ?? null, now);
    this.estimates = new Estimates(memory?.estimates ?? null);
    this.circuit = new Circuit(memory?.circuit ?? null);
    this.line = new Line(weightOf, (ticket) => this.cost(ticket).tokens);
    this.runTimes = new RunTimes(memory?.runMs ?? null);
  }

  cost(ticket: Ticket): Cost {
    return this.estimates.cost(ticket.task, ticket);
  }

  /** Who may start, were there room for it. */
  eligible(now: number): (ticket: Ticket) => boolean {
    this.holds.nextEnd(now);
    return (ticket) => this.holds.holding(ticket, now) === null && !this.slots.isKeyFull(ticket);
  }

  get isFull(): boolean {
    const { concurrency } = this.admission.configured;
    return concurrency !== null && this.slots.size >= concurrency;
  }

  /** The first in line, whether it fits or not. */
  next(now: number): Ticket | null {
    return this.line.next(this.eligible(now));
  }

  /** How long a call of this cost waits for the limits, behind what is promised. */
  wait(cost: Pick<Cost, "tokens">, now: number): Wait {
    let { tokens } = cost;
    let requests = 1;
    for (const [jobId, promise] of this.promises) {
      if (promise.until <= now) this.promises.delete(jobId);
      else {
        tokens += promise.tokens;
        requests++;
      }
    }
    return this.admission.wait({ tokens }, now, requests);
  }

  /** Who may start now. */
  whoseTurn(now: number): Ticket | null {
    if (this.isFull || this.line.size === 0 || this.circuit.msUntil(now) > 0) return null;
    const next = this.next(now);
    return next !== null && this.wait(this.cost(next), now).ms === 0 ? next : null;
  }

  /** Takes it out of the line and reserves what it will use. */
  give(ticket: Ticket, startedAt: number | null, deadline: number, now: number): void {
    const cost = this.cost(ticket);
    this.line.serve(ticket, cost.tokens, this.eligible(now));
    const spend = this.admission.spend(cost, ticket.inputChars, now);
    this.slots.add({ ticket, deadline, startedAt, spends: [spend] });
    this.circuit.started(ticket.id, now);
  }

  memory(): GateMemory {
    return {
      admission: this.admission.memory(),
      estimates: this.estimates.memory(),
      circuit: this.circuit.memory(),
      runMs: this.runTimes.meanMs,
    };
  }
}

// The window on the line before a pool: who waits, and whose turn it is.

import { LANES, type Lane } from "../lifecycle";
import { FairClock } from "./fair-clock";
import { Flow } from "./flow";
import { compareTickets, type Ticket } from "./ticket";

export const MOST_OF_FLOW = 50;
export const MOST_FLOWS = 300;
export const MOST_TICKETS = 5_000;

/** Of the tokens that go to higher lanes, what a waiting lane earns: credit for its head to go next. */
export const LANE_SHARE: Record<Lane, number> = { interactive: 0, default: 1 / 8, bulk: 1 / 16 };

/** Longest debt of a project that has used more than its share, in tokens: others never profit from more. */
const MOST_DEBT = 60_000;

export type Filling = { projectId: string; lane: Lane; tickets: Ticket[]; complete: boolean };
type Eligibility = { isEligible: (ticket: Ticket) => boolean; version: number };

export class Line {
  readonly clock = new FairClock();
  private readonly flows: Record<Lane, Map<string, Flow>> = {
    interactive: new Map(),
    default: new Map(),
    bulk: new Map(),
  };
  private readonly flowOf = new Map<string, Flow>();
  /** Those that have another pool to go to. */
  private readonly withDetour = new Map<string, Ticket>();
  private readonly credit: Record<Lane, number> = { interactive: 0, default: 0, bulk: 0 };
  /** Something had no room; wanted again when the window holds no more than this. */
  private leftOut: number | null = MOST_TICKETS;

  constructor(
    private readonly weightOf: (projectId: string) => number,
    private readonly costOf: (ticket: Ticket) => number,
  ) {}

  get size(): number {
    return this.flowOf.size;
  }

  get wantsFill(): boolean {
    if (this.leftOut !== null && this.size <= this.leftOut) return true;
    return this.all().some((flow) => flow.wantsFill);
  }

  all(): Flow[] {
    return LANES.flatMap((lane) => [...this.flows[lane].values()]);
  }

  lane(lane: Lane): Iterable<Flow> {
    return this.flows[lane].values();
  }

  flow(projectId: string, lane: Lane): Flow | null {
    return this.flows[lane].get(projectId) ?? null;
  }

  has(jobId: string): boolean {
    return this.flowOf.has(jobId);
  }

  /** False: it is left to the database, because the window is full or others stand before it there. */
  join(ticket: Ticket): boolean {
    if (this.has(ticket.id)) return true;
    const flow = this.open(ticket.projectId, ticket.lane);
    if (flow === null) {
      this.leftOut ??= Math.floor(this.size / 2);
      return false;
    }
    if (flow.isBehindWindow(ticket)) return false;
    flow.join(ticket);
    this.note(ticket, flow);
    if (flow.tickets.length > MOST_OF_FLOW) this.leave(flow);
    if (this.size > MOST_TICKETS) this.leave(this.longest());
    return this.has(ticket.id);
  }

  remove(jobId: string): Ticket | null {
    const flow = this.flowOf.get(jobId);
    if (flow === undefined) return null;
    this.flowOf.delete(jobId);
    this.withDetour.delete(jobId);
    const ticket = flow.remove(jobId);
    this.close(flow);
    return ticket;
  }

  /** One that has another pool to go to, the one that joined first. */
  nextDetour(): Ticket | null {
    for (const ticket of this.withDetour.values()) return ticket;
    return null;
  }

  /** It may still be pending in the database, though the window has lost it. */
  lookAgain(projectId: string, lane: Lane): void {
    const flow = this.open(projectId, lane);
    if (flow !== null) flow.more = true;
  }

  /** `keep`: those that joined too lately for the database to have been asked about them. */
  fill(fillings: Filling[], keep: Ticket[], skip: (jobId: string) => boolean): void {
    const accepted = fillings
      .filter(({ tickets, complete }) => tickets.length > 0 || !complete)
      .slice(0, MOST_FLOWS);
    const quota = Math.max(
      1,
      Math.min(MOST_OF_FLOW, Math.floor(MOST_TICKETS / Math.max(1, accepted.length))),
    );
    const before = this.all();
    for (const lane of LANES) this.flows[lane] = new Map();
    this.flowOf.clear();
    this.withDetour.clear();
    this.leftOut = null;
    for (const { projectId, lane, tickets, complete } of accepted) {
      const known = before.find((flow) => flow.projectId === projectId && flow.lane === lane);
      const flow = this.adopt(known ?? new Flow(projectId, lane), known === undefined);
      const waiting = tickets.filter(({ id }) => !skip(id) && !this.has(id)).sort(compareTickets);
      flow.fill(waiting.slice(0, quota), !complete || waiting.length > quota);
      for (const ticket of flow.tickets) this.note(ticket, flow);
      this.close(flow);
    }
    for (const ticket of keep) this.join(ticket);
    if (accepted.length < fillings.length && fillings.length > MOST_FLOWS)
      this.leftOut = Math.floor(this.size / 2);
  }

  /** Whose turn it is in the whole line. */
  next(eligibility: Eligibility): Ticket | null {
    let highest: Ticket | null = null;
    for (const lane of LANES) {
      const head = this.headOf(lane, eligibility);
      if (head === null) this.credit[lane] = 0;
      else if (highest === null) highest = head;
      else if (this.credit[lane] >= this.costOf(head)) return head;
    }
    return highest;
  }

  /** Takes it out of the window and charges for it. */
  serve(ticket: Ticket, tokens: number, eligibility: Eligibility): void {
    const { projectId, lane } = ticket;
    const tag = this.clock.tag(projectId, lane);
    for (const flow of this.flows[lane].values())
      if (this.clock.tag(flow.projectId, lane) < tag) this.clock.passOver(flow.projectId, lane, tag);
    this.clock.serve(projectId, lane);
    this.payCredit(lane, tokens, eligibility);
    this.remove(ticket.id);
    this.charge(ticket, tokens);
  }

  charge({ projectId, lane, fairKey }: Ticket, tokens: number): void {
    this.clock.charge(projectId, tokens / this.weight(projectId));
    this.flow(projectId, lane)?.charge(fairKey, tokens);
  }

  weight(projectId: string): number {
    return Math.max(1e-3, this.weightOf(projectId));
  }

  credits(lane: Lane): number {
    return this.credit[lane];
  }

  private headOf(lane: Lane, { isEligible, version }: Eligibility): Ticket | null {
    let best: Ticket | null = null;
    let bestTag = Number.POSITIVE_INFINITY;
    for (const flow of this.flows[lane].values()) {
      const tag = this.clock.tag(flow.projectId, lane);
      if (tag > bestTag) continue;
      const head = flow.head(isEligible, version);
      if (head === null) continue;
      if (tag === bestTag && best !== null && head.runAt >= best.runAt) continue;
      best = head;
      bestTag = tag;
    }
    return best;
  }

  /** A lane that goes although a higher one waits uses its credit up; lanes below it earn some. */
  private payCredit(lane: Lane, tokens: number, eligibility: Eligibility): void {
    const place = LANES.indexOf(lane);
    const outOfTurn = LANES.slice(0, place).some((higher) => this.headOf(higher, eligibility) !== null);
    if (outOfTurn) this.credit[lane] = Math.max(0, this.credit[lane] - tokens);
    for (const below of LANES.slice(place + 1))
      if (this.flows[below].size > 0) this.credit[below] += tokens * LANE_SHARE[below];
  }

  private note(ticket: Ticket, flow: Flow): void {
    this.flowOf.set(ticket.id, flow);
    if (ticket.hasDetour) this.withDetour.set(ticket.id, ticket);
  }

  private open(projectId: string, lane: Lane): Flow | null {
    const known = this.flow(projectId, lane);
    if (known !== null) return known;
    const count = LANES.reduce((sum, each) => sum + this.flows[each].size, 0);
    return count >= MOST_FLOWS ? null : this.adopt(new Flow(projectId, lane), true);
  }

  private adopt(flow: Flow, isNew: boolean): Flow {
    this.flows[flow.lane].set(flow.projectId, flow);
    if (isNew) this.clock.arrive(flow.projectId, flow.lane, MOST_DEBT / this.weight(flow.projectId));
    return flow;
  }

  private close(flow: Flow): void {
    if (flow.tickets.length === 0 && !flow.more) this.flows[flow.lane].delete(flow.projectId);
  }

  private leave(flow: Flow): void {
    const last = flow.last();
    if (last === null) return;
    flow.more = true;
    this.remove(last.id);
  }

  private longest(): Flow {
    return this.all().reduce((a, b) => (b.tickets.length > a.tickets.length ? b : a));
  }
}

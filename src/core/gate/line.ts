// The window on the line before a pool: who waits, and whose turn it is.

import { LANES, type Lane } from "../lifecycle";
import { FairClock } from "./fair-clock";
import { type Filling, Flow } from "./flow";
import { SlidingMinute } from "./sliding-minute";
import { compareTickets, type Ticket } from "./ticket";

export const MOST_OF_FLOW = 50;
export const MOST_FLOWS = 300;
export const MOST_TICKETS = 5_000;

/** Of the tokens that go to higher lanes, what a waiting lane earns: credit for its head to go next. */
export const LANE_SHARE: Record<Lane, number> = { interactive: 0, default: 1 / 8, bulk: 1 / 16 };

/** Longest debt of a project that has used more than its share, in tokens: others never profit from more. */
const MOST_DEBT = 60_000;

type Eligible = (ticket: Ticket) => boolean;

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
  /** Tokens of jobs that came one by one, in the last minute: more of the same are to be expected. */
  private readonly arrivals: Record<Lane, SlidingMinute> = {
    interactive: new SlidingMinute(),
    default: new SlidingMinute(),
    bulk: new SlidingMinute(),
  };
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
    for (const lane of LANES) for (const flow of this.flows[lane].values()) if (flow.wantsFill) return true;
    return false;
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
    const before = { ...this.flows };
    for (const lane of LANES) this.flows[lane] = new Map();
    this.flowOf.clear();
    this.withDetour.clear();
    this.leftOut = null;
    for (const { projectId, lane, tickets, complete } of accepted) {
      const flow = before[lane].get(projectId) ?? this.newFlow(projectId, lane);
      this.flows[lane].set(projectId, flow);
      const unique = [...new Map(tickets.map((ticket) => [ticket.id, ticket])).values()];
      const waiting = unique.filter(({ id }) => !skip(id) && !this.has(id)).sort(compareTickets);
      flow.fill(waiting.slice(0, quota), !complete || waiting.length > quota);
      for (const ticket of flow.tickets) this.note(ticket, flow);
      this.close(flow);
    }
    for (const ticket of keep) this.join(ticket);
    if (accepted.length < fillings.length && fillings.length > MOST_FLOWS)
      this.leftOut = Math.floor(this.size / 2);
  }

  /** Whose turn it is in the whole line. */
  next(isEligible: Eligible): Ticket | null {
    let highest: Ticket | null = null;
    for (const lane of LANES) {
      const head = this.headOf(lane, isEligible);
      if (head === null) this.credit[lane] = 0;
      else if (highest === null) highest = head;
      else if (this.credit[lane] >= this.costOf(head)) return head;
    }
    return highest;
  }

  /** Takes it out of the window and charges for it. */
  serve(ticket: Ticket, tokens: number, isEligible: Eligible): void {
    const { projectId, lane } = ticket;
    const account = this.flow(projectId, lane)?.account;
    if (account !== undefined) {
      // Others with less had no job that was eligible: that earns nothing.
      for (const flow of this.flows[lane].values())
        flow.account.tag = Math.max(flow.account.tag, account.tag);
      this.clock.serve(lane, account);
    }
    this.payCredit(lane, tokens, isEligible);
    this.remove(ticket.id);
    this.charge(ticket, tokens);
  }

  charge({ projectId, lane, fairKey }: Ticket, tokens: number): void {
    this.clock.charge(projectId, tokens / this.weight(projectId), (id, each) => this.flow(id, each) !== null);
    this.flow(projectId, lane)?.charge(fairKey, tokens);
  }

  weight(projectId: string): number {
    return Math.max(1e-3, this.weightOf(projectId));
  }

  /** Whether jobs of the project may start may have changed. */
  forgetHeads(projectId: string): void {
    for (const lane of LANES) this.flows[lane].get(projectId)?.forgetHead();
  }

  noteArrival(ticket: Ticket, now: number): void {
    this.arrivals[ticket.lane].add(this.costOf(ticket), 0, now);
  }

  /** Tokens of jobs that came one by one into the lanes above, in the last minute. */
  arrivedAbove(lane: Lane, now: number): number {
    return LANES.slice(0, LANES.indexOf(lane)).reduce((sum, each) => sum + this.arrivals[each].sum(now), 0);
  }

  credits(lane: Lane): number {
    return this.credit[lane];
  }

  private headOf(lane: Lane, isEligible: Eligible): Ticket | null {
    let best: Ticket | null = null;
    let bestTag = Number.POSITIVE_INFINITY;
    for (const flow of this.flows[lane].values()) {
      const { tag } = flow.account;
      if (tag > bestTag) continue;
      const head = flow.head(isEligible);
      if (head === null) continue;
      if (tag === bestTag && best !== null && head.runAt >= best.runAt) continue;
      best = head;
      bestTag = tag;
    }
    return best;
  }

  /** A lane that goes although a higher one waits uses its credit up; lanes below it earn some. */
  private payCredit(lane: Lane, tokens: number, isEligible: Eligible): void {
    const place = LANES.indexOf(lane);
    const outOfTurn = LANES.slice(0, place).some((higher) => this.headOf(higher, isEligible) !== null);
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
    if (count >= MOST_FLOWS) return null;
    const flow = this.newFlow(projectId, lane);
    this.flows[lane].set(projectId, flow);
    return flow;
  }

  private newFlow(projectId: string, lane: Lane): Flow {
    return new Flow(projectId, lane, this.clock.arrive(projectId, lane, MOST_DEBT / this.weight(projectId)));
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

// The window on one flow's line: the first jobs of a project in a lane, and whose turn it is among them.

import type { Lane } from "../lifecycle";
import type { Account } from "./fair-clock";
import { compareTickets, type Ticket } from "./ticket";

/** Below this share of what was filled in, more is wanted; and never before so few are left. */
const LOW_SHARE = 0.25;
const LOW_COUNT = 10;
const MOST_FAIR_KEYS = 100;

/** The head of a flow as the database has it, in its order. `complete`: nothing is behind it. */
export type Filling = { projectId: string; lane: Lane; tickets: Ticket[]; complete: boolean };

export class Flow {
  tickets: Ticket[] = [];
  /** The database has more of them behind. */
  more = false;
  private filled = 0;
  /** Virtual time by end user: what each has been given, in tokens. */
  private readonly given = new Map<string | null, number>();
  private cached: { ticket: Ticket | null } | null = null;

  constructor(
    readonly projectId: string,
    readonly lane: Lane,
    readonly account: Account,
  ) {}

  get wantsFill(): boolean {
    return this.more && this.tickets.length <= Math.min(LOW_COUNT, this.filled * LOW_SHARE);
  }

  /** Replaces what it held. */
  fill(tickets: Ticket[], more: boolean): void {
    this.tickets = [];
    this.cached = null;
    for (const ticket of tickets) this.join(ticket);
    this.more = more;
    this.filled = tickets.length;
  }

  join(ticket: Ticket): void {
    this.welcome(ticket.fairKey);
    this.tickets.push(ticket);
    this.cached = null;
    if (this.given.size > MOST_FAIR_KEYS) this.forgetKeys();
  }

  remove(jobId: string): Ticket | null {
    const i = this.tickets.findIndex(({ id }) => id === jobId);
    if (i < 0) return null;
    this.cached = null;
    return this.tickets.splice(i, 1)[0] ?? null;
  }

  /** What the window loses when it is full: the last one of the end user with the most jobs in it. */
  last(): Ticket | null {
    const counts = new Map<string | null, number>();
    for (const { fairKey } of this.tickets) counts.set(fairKey, (counts.get(fairKey) ?? 0) + 1);
    const worse = (a: Ticket, b: Ticket) =>
      a.priority - b.priority ||
      (counts.get(b.fairKey) ?? 0) - (counts.get(a.fairKey) ?? 0) ||
      compareTickets(b, a);
    return this.tickets.reduce<Ticket | null>((last, t) => (last && worse(last, t) <= 0 ? last : t), null);
  }

  /** Whether jobs in the database, which the window does not hold, stand before this one. */
  isBehindWindow(ticket: Ticket): boolean {
    return this.more && !this.tickets.some((other) => compareTickets(ticket, other) < 0);
  }

  /** Whose turn it is. The answer of `isEligible` may change only after `forgetHead`. */
  head(isEligible: (ticket: Ticket) => boolean): Ticket | null {
    if (this.cached !== null) return this.cached.ticket;
    let best: Ticket | null = null;
    for (const ticket of this.tickets)
      if ((best === null || this.precedes(ticket, best)) && isEligible(ticket)) best = ticket;
    this.cached = { ticket: best };
    return best;
  }

  forgetHead(): void {
    this.cached = null;
  }

  /** `tokens` may be negative: they were not used after all. */
  charge(fairKey: string | null, tokens: number): void {
    this.given.set(fairKey, (this.given.get(fairKey) ?? 0) + tokens);
    this.cached = null;
  }

  /** An end user who was away begins with those who are here: being away earns nothing. */
  private welcome(fairKey: string | null): void {
    let lowest = Number.POSITIVE_INFINITY;
    for (const other of this.tickets) {
      if (other.fairKey === fairKey) return;
      lowest = Math.min(lowest, this.given.get(other.fairKey) ?? 0);
    }
    if (Number.isFinite(lowest)) this.given.set(fairKey, Math.max(lowest, this.given.get(fairKey) ?? 0));
  }

  private precedes(a: Ticket, b: Ticket): boolean {
    if (a.priority !== b.priority) return a.priority > b.priority;
    if (a.fairKey !== b.fairKey) {
      const fair = (this.given.get(a.fairKey) ?? 0) - (this.given.get(b.fairKey) ?? 0);
      if (fair !== 0) return fair < 0;
    }
    return compareTickets(a, b) < 0;
  }

  private forgetKeys(): void {
    const present = new Set(this.tickets.map(({ fairKey }) => fairKey));
    for (const key of this.given.keys()) if (!present.has(key)) this.given.delete(key);
  }
}

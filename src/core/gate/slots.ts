// Who holds a slot: from the ring to the end of the run.

import type { Spend } from "./admission";
import type { Ticket } from "./ticket";

export type Slot = {
  ticket: Ticket;
  deadline: number;
  /** When its run asked to start; null: it was rung and has not answered. */
  startedAt: number | null;
  /** What was reserved for its calls, the first one first. Empty: found running, so that nothing is known. */
  spends: Spend[];
};

export class Slots {
  private readonly byJob = new Map<string, Slot>();
  private readonly byKey = new Map<string, number>();

  /** `changed`: a concurrency key of the project was taken or given back. */
  constructor(private readonly changed: (projectId: string) => void) {}

  get size(): number {
    return this.byJob.size;
  }

  get(jobId: string): Slot | null {
    return this.byJob.get(jobId) ?? null;
  }

  has(jobId: string): boolean {
    return this.byJob.has(jobId);
  }

  add(slot: Slot): void {
    this.byJob.set(slot.ticket.id, slot);
    this.count(slot.ticket, 1);
  }

  remove(jobId: string): Slot | null {
    const slot = this.byJob.get(jobId);
    if (slot === undefined) return null;
    this.byJob.delete(jobId);
    this.count(slot.ticket, -1);
    return slot;
  }

  /** How many with the same concurrency key hold a slot. */
  sharing(ticket: Ticket): number {
    return ticket.concurrency === null ? 0 : (this.byKey.get(keyOf(ticket, ticket.concurrency.key)) ?? 0);
  }

  isKeyFull(ticket: Ticket): boolean {
    return ticket.concurrency !== null && this.sharing(ticket) >= ticket.concurrency.limit;
  }

  overdue(now: number): Ticket[] {
    return [...this.byJob.values()].filter(({ deadline }) => deadline <= now).map(({ ticket }) => ticket);
  }

  private count(ticket: Ticket, by: 1 | -1): void {
    if (ticket.concurrency === null) return;
    const key = keyOf(ticket, ticket.concurrency.key);
    const count = (this.byKey.get(key) ?? 0) + by;
    if (count > 0) this.byKey.set(key, count);
    else this.byKey.delete(key);
    this.changed(ticket.projectId);
  }
}

function keyOf(ticket: Ticket, key: string): string {
  return `${ticket.projectId}/${key}`;
}

// Who is left alone for a while: a concurrency key or a single job.

import type { Ticket } from "./ticket";

const MOST = 10_000;

export type HoldKind = "key" | "job";

export class Holds {
  private readonly held = new Map<string, { projectId: string; until: number }>();
  private earliest: number | null = null;

  /** `changed`: jobs of the project may have become free or held. */
  constructor(private readonly changed: (projectId: string) => void) {}

  hold(ticket: Ticket, by: HoldKind, until: number, now: number): void {
    const name = nameOf(ticket, by);
    if (name === null) return;
    const { projectId } = ticket;
    this.held.set(name, { projectId, until: Math.max(until, this.held.get(name)?.until ?? 0) });
    this.earliest = Math.min(until, this.earliest ?? until);
    this.changed(projectId);
    if (this.held.size > MOST) this.makeRoom(now);
  }

  /** By what it is held, or null. */
  holding(ticket: Ticket, now: number): { by: HoldKind; until: number } | null {
    if (this.held.size === 0) return null;
    for (const by of ["key", "job"] as const) {
      const name = nameOf(ticket, by);
      const until = name === null ? undefined : this.held.get(name)?.until;
      if (until !== undefined && until > now) return { by, until };
    }
    return null;
  }

  /** When the next of them ends; forgets those that have ended. */
  nextEnd(now: number): number | null {
    if (this.earliest === null || this.earliest > now) return this.earliest;
    this.earliest = null;
    for (const [name, { until }] of this.held) {
      if (until <= now) this.end(name);
      else if (this.earliest === null || until < this.earliest) this.earliest = until;
    }
    return this.earliest;
  }

  private end(name: string): void {
    const projectId = this.held.get(name)?.projectId;
    this.held.delete(name);
    if (projectId !== undefined) this.changed(projectId);
  }

  /** The oldest go first: at worst such a job is rung in vain and held again. */
  private makeRoom(now: number): void {
    this.nextEnd(now);
    for (const name of this.held.keys()) {
      if (this.held.size <= MOST) return;
      this.end(name);
    }
  }
}

function nameOf(ticket: Ticket, by: HoldKind): string | null {
  if (by === "job") return `j/${ticket.id}`;
  return ticket.concurrency === null ? null : `k/${ticket.projectId}/${ticket.concurrency.key}`;
}

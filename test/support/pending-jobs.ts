// The database's part in a simulation of the gate: which jobs are pending and running, in the order of their flows.

import type { Ticket } from "../../src/core/gate/gate";
import { compareTickets } from "../../src/core/gate/ticket";
import type { Lane } from "../../src/core/lifecycle";

const SLICE = 60;

export type JobState = "pending" | "running" | "ended";

type Line = { projectId: string; lane: Lane; tickets: Ticket[]; head: number; sorted: boolean };

export class PendingJobs {
  private readonly lines = new Map<string, Line>();
  private readonly states = new Map<string, JobState>();
  readonly running = new Map<string, Ticket>();
  pending = 0;

  state(jobId: string): JobState | undefined {
    return this.states.get(jobId);
  }

  submit(ticket: Ticket): void {
    const key = `${ticket.lane}/${ticket.projectId}`;
    let line = this.lines.get(key);
    if (line === undefined) {
      line = { projectId: ticket.projectId, lane: ticket.lane, tickets: [], head: 0, sorted: true };
      this.lines.set(key, line);
    }
    const last = line.tickets.at(-1);
    if (last !== undefined && compareTickets(ticket, last) < 0) line.sorted = false;
    line.tickets.push(ticket);
    this.states.set(ticket.id, "pending");
    this.pending++;
  }

  /** False: it is not pending. */
  claim(ticket: Ticket): boolean {
    if (this.states.get(ticket.id) !== "pending") return false;
    this.states.set(ticket.id, "running");
    this.running.set(ticket.id, ticket);
    this.pending--;
    return true;
  }

  end(ticket: Ticket, isDone: boolean): void {
    this.running.delete(ticket.id);
    this.states.set(ticket.id, "ended");
    if (!isDone) this.submit(ticket);
  }

  /** What the gate's window is filled with. */
  heads(): { projectId: string; lane: Lane; tickets: Ticket[]; complete: boolean }[] {
    return [...this.lines.values()].map((line) => {
      this.tidy(line);
      const tickets: Ticket[] = [];
      let i = line.head;
      for (; i < line.tickets.length && tickets.length < SLICE; i++) {
        const ticket = line.tickets[i];
        if (ticket && this.states.get(ticket.id) === "pending") tickets.push(ticket);
      }
      return { projectId: line.projectId, lane: line.lane, tickets, complete: i >= line.tickets.length };
    });
  }

  backlog(asked: Ticket): { projectId: string; lane: Lane; jobs: number; ahead: number | null }[] {
    return [...this.lines.values()].map((line) => {
      this.tidy(line);
      const pending = line.tickets.slice(line.head).filter(({ id }) => this.states.get(id) === "pending");
      const own = line.projectId === asked.projectId && line.lane === asked.lane;
      const ahead = own ? pending.filter((other) => compareTickets(other, asked) < 0).length : null;
      return { projectId: line.projectId, lane: line.lane, jobs: pending.length, ahead };
    });
  }

  private tidy(line: Line): void {
    if (!line.sorted) {
      const waiting = line.tickets.filter(({ id }) => this.states.get(id) === "pending");
      line.tickets = [...new Map(waiting.map((ticket) => [ticket.id, ticket])).values()].sort(compareTickets);
      line.head = 0;
      line.sorted = true;
    }
    for (let first = line.tickets[line.head]; first; first = line.tickets[line.head]) {
      if (this.states.get(first.id) === "pending") break;
      line.head++;
    }
  }
}

// What the gate knows of a job in line, and the limits of a pool.

import type { Job } from "../job";
import type { Lane } from "../lifecycle";
import { parseRoute, routesAhead } from "../route";

export type Ticket = {
  projectId: string;
  id: string;
  task: string;
  lane: Lane;
  /** -100 to 100, higher first. */
  priority: number;
  /** Since when it is in line, in milliseconds since 1970. */
  runAt: number;
  inputChars: number;
  maxOutputTokens: number | null;
  /** An end user below the project. */
  fairKey: string | null;
  concurrency: { key: string; limit: number } | null;
  /** It has another pool to go to when this one is down. */
  hasDetour: boolean;
};

/** Null: no limit of that kind is known. */
export type PoolLimits = {
  rpm: number | null;
  tpm: number | null;
  rpd: number | null;
  tpd: number | null;
  concurrency: number | null;
};

/** Negative: `a` comes first. What fair queueing between end users adds is in flow.ts. */
export function compareTickets(a: Ticket, b: Ticket): number {
  return b.priority - a.priority || a.runAt - b.runAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** The smaller of two limits, where null is none. */
export function lower(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.min(a, b);
}

type InLine = Pick<Job, Exclude<keyof Ticket, "hasDetour"> | "pool" | "route">;

export function ticketOf(job: InLine): Ticket {
  const { projectId, id, task, lane, priority, runAt, inputChars, maxOutputTokens, fairKey, concurrency } =
    job;
  return {
    ...{ projectId, id, task, lane, priority, runAt, inputChars, maxOutputTokens, fairKey, concurrency },
    hasDetour: hasDetour(job),
  };
}

/** Whether its route goes on. The gate of a task is the same wherever the job runs. */
function hasDetour({ pool, route: json }: Pick<Job, "pool" | "route">): boolean {
  const route = parseRoute(json);
  return route !== null && !pool?.startsWith("task:") && routesAhead(route).length > 0;
}

// Why a job in line does not run yet, how far it has to go, and when it will start.

import type { Lane } from "../lifecycle";
import type { PoolState } from "./pool-state";
import type { Ticket } from "./ticket";

/** Pending jobs of a flow in the database. `ahead`: of the asked job's own flow, how many stand before it. */
export type Backlog = { projectId: string; lane: Lane; jobs: number; ahead: number | null };

export type Explanation = {
  reason: "rate_limited" | "fair_share" | "provider_down" | "paused" | "concurrency" | "queued";
  /** One sentence with the number behind it. */
  message: string;
  limit: { name: "rpm" | "tpm" | "rpd" | "tpd" | "concurrency" | "key"; limit: number; used: number } | null;
  /** 1: next. Over all flows, in the order in which the gate would serve them. */
  position: number | null;
  /** From now. */
  etaMs: { earliest: number; latest: number } | null;
};

export function explain(pool: PoolState, ticket: Ticket, behind: Backlog[], now: number): Explanation {
  const own = behind.find(({ projectId, lane }) => projectId === ticket.projectId && lane === ticket.lane);
  const position = (own?.ahead ?? 0) + 1;
  const ms = pool.wait(pool.cost(ticket), now).ms;
  return {
    reason: "queued",
    message: "In line.",
    limit: null,
    position,
    etaMs: { earliest: 0, latest: ms + 5_000 },
  };
}

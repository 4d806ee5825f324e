// Why a job is not running, in a sentence with the number behind it.

import { tellUsedUp } from "../core/budget";
import { openChildren } from "../core/children";
import type { Backlog, Explanation } from "../core/gate/gate";
import { ticketOf } from "../core/gate/ticket";
import type { Job } from "../core/job";
import { isFinal, type ShownReason } from "../core/lifecycle";
import type { Deps } from "../deps";
import { type Block, findBlocks } from "../store/blocks";
import { countLine } from "../store/line";
import { callGate } from "./gates";

export type Explained = {
  /** Null: it does not wait. */
  reason: ShownReason | null;
  message: string;
  limit: { name: string; limit: number; used: number } | null;
  position: number | null;
  /** Milliseconds from `job.readAt`. */
  etaMs: { earliest: number; latest: number } | null;
};

const PLAIN = { limit: null, position: null, etaMs: null };

/** In full: with its place in line and when it may start, for which the line is counted. */
export function explain(deps: Deps, job: Job): Promise<Explained> {
  return tell(deps, job, (pool) => countLine(deps.db, pool, ticketOf(job)));
}

/** The reason alone, which costs no count: null for a job that does not wait. */
export async function findReason(deps: Deps, job: Job): Promise<ShownReason | null> {
  return (await tell(deps, job, async () => [])).reason;
}

type Count = (pool: string) => Promise<Backlog[]>;

async function tell(deps: Deps, job: Job, count: Count): Promise<Explained> {
  if (job.state !== "pending") return { ...PLAIN, reason: null, message: tellState(job) };
  const dueInMs = job.runAt - job.readAt;
  if (dueInMs > 0) return explainDue(job, dueInMs);
  const [block] = await findBlocks(deps.db, [job]);
  if (block) return explainBlock(block, job.readAt);
  return (await explainTurn(deps, job, count)) ?? { ...PLAIN, reason: "queued", message: IN_QUEUE };
}

const IN_QUEUE = "It is in the queue, and starts as soon as a consumer takes it.";
const NO_ANSWER = "It waits for its turn at the gate of its pool, which does not answer right now.";

function tellState(job: Job): string {
  if (isFinal(job.state)) return `It has ended: ${job.state}.`;
  if (job.state === "waiting") return tellWaiting(job);
  const asked = job.cancelRequestedAt === null ? "" : " It was asked to stop.";
  return `It is running: attempt ${job.attempt} of ${job.maxAttempts}.${asked}`;
}

function explainDue(job: Job, dueInMs: number): Explained {
  const etaMs = { earliest: dueInMs, latest: dueInMs + 1_000 };
  return { ...PLAIN, ...whyNotBefore(job), etaMs };
}

function whyNotBefore(job: Job): Pick<Explained, "reason" | "message"> {
  const at = new Date(job.runAt).toISOString();
  switch (job.reason) {
    case "retrying": {
      const code = job.error?.code ?? "unknown";
      const message = `Attempt ${job.attempt} of ${job.maxAttempts} failed (${code}); it is tried again at ${at}.`;
      return { reason: "retrying", message };
    }
    case "rate_limited":
      return {
        reason: "rate_limited",
        message: `The provider had no room for it; it is tried again at ${at}.`,
      };
    default:
      return { reason: "scheduled", message: `It is not to be started before ${at}.` };
  }
}

/** The gate's own answer; null for a job that has no gate. */
async function explainTurn(deps: Deps, job: Job, count: Count): Promise<Explained | null> {
  const { pool } = job;
  if (pool === null) return null;
  const ticket = ticketOf(job);
  const backlog = await count(pool);
  const told: Explanation | null = await callGate(deps, pool, (gate) => gate.explain(pool, ticket, backlog));
  return told ?? { ...PLAIN, reason: "queued", message: NO_ANSWER };
}

function explainBlock(block: Block, now: number): Explained {
  switch (block.by) {
    case "paused": {
      const what = block.scope === "project" ? "The project" : `The ${block.scope} ${block.name}`;
      return { ...PLAIN, reason: "paused", message: `${what} is paused (GET /v1/pauses).` };
    }
    case "concurrency": {
      const { key, limit, running } = block;
      const message = `${running} of ${limit} jobs with the concurrency key "${key}" are running.`;
      return { ...PLAIN, reason: "concurrency", message, limit: { name: "key", limit, used: running } };
    }
    case "budget": {
      const { name, limit, spent, reserved, resetsAt } = block;
      // It may start before that: when a running job has used less than was reserved for it, or the budget is raised.
      const etaMs = { earliest: 0, latest: Math.max(0, resetsAt - now) };
      const used = spent + reserved;
      return { ...PLAIN, reason: "budget", message: tellUsedUp(block), limit: { name, limit, used }, etaMs };
    }
  }
}

function tellWaiting({ children, follows }: Job): string {
  if (follows !== null) return `It waits for ${follows}, which asks the same: one call answers both.`;
  if (!children) return "It waits for other jobs.";
  return `It waits for its children: ${openChildren(children)} of ${children.total} are open.`;
}

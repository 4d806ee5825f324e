// Where a job stands in the order in which the gate would serve the line, and when its turn will come.

import { LANES, type Lane } from "../lifecycle";
import { LANE_SHARE } from "./line";
import type { PoolState } from "./pool-state";
import { compareTickets, type Ticket } from "./ticket";

/** Pending jobs of a flow in the database. `ahead`: of the asked job's own flow, how many stand before it. */
export type Backlog = { projectId: string; lane: Lane; jobs: number; ahead: number | null };

export type Forecast = {
  /** Jobs before it: of its own flow, and of others. */
  own: number;
  others: number;
  /** Projects these others belong to, besides its own. */
  projects: number;
  etaMs: { earliest: number; latest: number };
};

/** Estimates of cost and duration are means of the past; simulated, nine of ten starts lie within these. */
const EARLY = { share: 0.75, ms: 1_500 };
const LATE = { share: 1.25, ms: 2_500 };

type Amount = { jobs: number; tokens: number };
type Rival = Backlog & { cost: number };

export function forecast(pool: PoolState, ticket: Ticket, behind: Backlog[], now: number): Forecast {
  const rivals = rivalsOf(pool, ticket, behind, now);
  const own = ownAhead(pool, ticket, behind);
  const same = inSameLane(pool, ticket, own, rivals);
  const cost = pool.cost(ticket).tokens;
  const place = LANES.indexOf(ticket.lane);
  // A lane below earns a share of what those above are given, so only so much of theirs can go before this job.
  const share = LANE_SHARE[ticket.lane];
  const earned = Math.max(0, same.tokens + own.tokens + cost - pool.line.credits(ticket.lane));
  const above = sumOf(rivals.filter(({ lane }) => LANES.indexOf(lane) < place));
  const higher = share === 0 ? above : atMost(above, earned / share);
  const before = same.tokens + own.tokens + higher.tokens;
  const lower = LANES.slice(place + 1).map((lane) =>
    atMost(sumOf(rivals.filter((rival) => rival.lane === lane)), before * LANE_SHARE[lane]),
  );
  const all = [same, higher, ...lower].reduce(plus);
  return {
    own: own.jobs,
    others: Math.round(all.jobs),
    projects: new Set(rivals.filter((rival) => isBefore(rival, ticket)).map(({ projectId }) => projectId))
      .size,
    etaMs: range(pool, ticket, plus(all, own), now),
  };
}

/** Everybody else's jobs that may run. */
function rivalsOf(pool: PoolState, ticket: Ticket, behind: Backlog[], now: number): Rival[] {
  const isEligible = pool.eligible(now);
  return behind.flatMap((backlog) => {
    const { projectId, lane, jobs } = backlog;
    const flow = pool.line.flow(projectId, lane);
    const isOwn = projectId === ticket.projectId && lane === ticket.lane;
    const isHeld = flow !== null && flow.tickets.length > 0 && flow.head(isEligible) === null;
    if (isOwn || isHeld || jobs <= 0) return [];
    return [{ ...backlog, cost: meanCost(pool, projectId, lane) }];
  });
}

/** By the jobs of the flow that are in the window; else by all calls of late. */
function meanCost(pool: PoolState, projectId: string, lane: Lane): number {
  const tickets = pool.line.flow(projectId, lane)?.tickets ?? [];
  if (tickets.length === 0) return pool.estimates.tokensPerCall;
  return tickets.reduce((sum, ticket) => sum + pool.cost(ticket).tokens, 0) / tickets.length;
}

function ownAhead(pool: PoolState, ticket: Ticket, behind: Backlog[]): Amount {
  const { projectId, lane } = ticket;
  const known = behind.find((backlog) => backlog.projectId === projectId && backlog.lane === lane)?.ahead;
  const inWindow = pool.line.flow(projectId, lane)?.tickets ?? [];
  const jobs = known ?? inWindow.filter((other) => compareTickets(other, ticket) < 0).length;
  return { jobs, tokens: jobs * meanCost(pool, projectId, lane) };
}

/** What fair queueing serves of the other projects until the own flow has come to this job. */
function inSameLane(pool: PoolState, ticket: Ticket, own: Amount, rivals: Rival[]): Amount {
  const { clock } = pool.line;
  const start = clock.tag(ticket.projectId, ticket.lane) + own.tokens / pool.line.weight(ticket.projectId);
  return rivals
    .filter(({ lane }) => lane === ticket.lane)
    .map(({ projectId, lane, jobs, cost }) => {
      const lag = (start - clock.tag(projectId, lane)) * pool.line.weight(projectId);
      const served = Math.max(0, Math.min(jobs, Math.ceil(lag / cost)));
      return { jobs: served, tokens: served * cost };
    })
    .reduce(plus, { jobs: 0, tokens: 0 });
}

function range(pool: PoolState, ticket: Ticket, before: Amount, now: number): Forecast["etaMs"] {
  const quiet = startsIn(pool, ticket, before, 0, now);
  // As many go on coming into the lanes above, and go first.
  const arrivals = pool.line.arrivedAbove(ticket.lane, now);
  const busy = arrivals === 0 ? quiet : startsIn(pool, ticket, before, arrivals / 60, now);
  return {
    earliest: Math.max(0, Math.round(EARLY.share * quiet - EARLY.ms)),
    latest: Math.round(LATE.share * busy + LATE.ms),
  };
}

/** `taken`: tokens a second that go to others who are not here yet. */
function startsIn(pool: PoolState, ticket: Ticket, before: Amount, taken: number, now: number): number {
  const { admission, slots, runTimes } = pool;
  const tokens = before.tokens + pool.cost(ticket).tokens;
  const requests = before.jobs + 1;
  const share = Math.max(1 - taken / admission.tokens.perSecond(now), LANE_SHARE[ticket.lane], 0.05);
  const byTokens = msFor(admission.tokens, tokens, now) / share;
  const byRequests = msFor(admission.requests, requests, now) / share;
  const { concurrency } = admission.configured;
  const lacking = concurrency === null ? 0 : requests - (concurrency - slots.size);
  const bySlots = lacking <= 0 ? 0 : (lacking * (runTimes.meanMs ?? 5_000)) / Math.max(1, concurrency ?? 1);
  const pause = Math.max(pool.circuit.msUntil(now), admission.backOff.msUntil(now));
  const held = (pool.holds.holding(ticket, now)?.until ?? now) - now;
  const { by, ms } = pool.wait(pool.cost(ticket), now);
  const day = by === "rpd" || by === "tpd" ? ms : 0;
  return Math.max(pause + Math.max(byTokens, byRequests), bySlots, held, day);
}

function msFor(limit: PoolState["admission"]["tokens"], amount: number, now: number): number {
  if (limit.limit === null) return 0;
  const paced = (1_000 * Math.max(0, amount - limit.paced(now))) / limit.perSecond(now);
  return amount >= limit.limit ? paced : Math.max(paced, limit.msUntilSum(amount, now));
}

/** Whether a flow is in the same lane or one above. */
function isBefore(rival: Backlog, ticket: Ticket): boolean {
  return LANES.indexOf(rival.lane) <= LANES.indexOf(ticket.lane) && rival.projectId !== ticket.projectId;
}

function sumOf(rivals: Rival[]): Amount {
  return rivals.map(({ jobs, cost }) => ({ jobs, tokens: jobs * cost })).reduce(plus, { jobs: 0, tokens: 0 });
}

/** The part of it that so many tokens are. */
function atMost(amount: Amount, tokens: number): Amount {
  if (amount.tokens <= tokens) return amount;
  return { jobs: (amount.jobs * tokens) / amount.tokens, tokens };
}

function plus(a: Amount, b: Amount): Amount {
  return { jobs: a.jobs + b.jobs, tokens: a.tokens + b.tokens };
}

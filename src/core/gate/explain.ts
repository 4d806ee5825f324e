// Why a job in line does not run yet, in one sentence with the number behind it.

import type { Guard } from "./admission";
import { type Backlog, type Forecast, forecast } from "./forecast";
import type { PoolState } from "./pool-state";
import type { Ticket } from "./ticket";

export type Explanation = {
  reason: "rate_limited" | "fair_share" | "provider_down" | "concurrency" | "queued";
  /** One sentence with the number behind it. */
  message: string;
  limit: { name: "rpm" | "tpm" | "rpd" | "tpd" | "concurrency" | "key"; limit: number; used: number } | null;
  /** 1: next. Over all flows, in the order in which the gate would serve them. */
  position: number | null;
  /** From now. */
  etaMs: { earliest: number; latest: number } | null;
};

type Cause = Pick<Explanation, "reason" | "message" | "limit">;

export function explain(pool: PoolState, ticket: Ticket, behind: Backlog[], now: number): Explanation {
  const seen = forecast(pool, ticket, behind, now);
  const position = 1 + seen.own + seen.others;
  return { ...causeOf(pool, ticket, seen, now), position, etaMs: seen.etaMs };
}

function causeOf(pool: PoolState, ticket: Ticket, seen: Forecast, now: number): Cause {
  return (
    whileDown(pool, now) ??
    ofItsOwn(pool, ticket, now) ??
    byOthers(pool, seen) ??
    byLimits(pool, ticket, now) ?? {
      reason: "queued",
      message:
        seen.own === 0
          ? "It is next."
          : `${count(seen.own, "job")} of the project ${seen.own === 1 ? "goes" : "go"} first.`,
      limit: null,
    }
  );
}

function whileDown(pool: PoolState, now: number): Cause | null {
  const state = pool.circuit.state(now);
  if (state === "closed") return null;
  const ms = pool.circuit.msUntil(now);
  const message =
    state === "open"
      ? `The provider is down: it is tried again in ${seconds(ms)}.`
      : "The provider was down: one job is trying it.";
  return { reason: "provider_down", message, limit: null };
}

/** Its concurrency key is full, or it is left alone for a while. */
function ofItsOwn(pool: PoolState, ticket: Ticket, now: number): Cause | null {
  const { concurrency } = ticket;
  if (concurrency !== null && pool.slots.isKeyFull(ticket)) {
    const { limit, key } = concurrency;
    const used = pool.slots.sharing(ticket);
    const message = `${number(used)} of ${number(limit)} jobs with the concurrency key "${key}" are running.`;
    return { reason: "concurrency", message, limit: { name: "key", limit, used } };
  }
  const hold = pool.holds.holding(ticket, now);
  if (hold === null) return null;
  const left = seconds(hold.until - now);
  if (hold.by === "key")
    return {
      reason: "concurrency",
      message: `Its concurrency key is full: looked at again in ${left}.`,
      limit: null,
    };
  return { reason: "queued", message: `It is held back: looked at again in ${left}.`, limit: null };
}

function byOthers(pool: PoolState, { own, others, projects }: Forecast): Cause | null {
  if (others === 0) return null;
  const whose = projects === 0 ? "in lanes above" : `of ${count(projects, "other project")}`;
  const mine = own === 0 ? "" : `, and ${number(own)} of its own project`;
  return {
    reason: "fair_share",
    message: `${count(others, "job")} ${whose} ${others === 1 ? "goes" : "go"} first${mine}.`,
    limit: slotsOf(pool),
  };
}

function byLimits(pool: PoolState, ticket: Ticket, now: number): Cause | null {
  const { ms, by } = pool.wait(pool.cost(ticket), now);
  if (pool.isFull) {
    const limit = slotsOf(pool);
    const message = `${number(limit?.used ?? 0)} of ${number(limit?.limit ?? 0)} jobs are running.`;
    return { reason: "concurrency", message, limit };
  }
  return by === null ? null : { reason: "rate_limited", ...limitWords(pool, ticket, by, ms, now) };
}

function limitWords(
  pool: PoolState,
  ticket: Ticket,
  by: Guard,
  ms: number,
  now: number,
): Omit<Cause, "reason"> {
  const { admission } = pool;
  if (by === "backoff")
    return { message: `The provider answered 429: the pool waits ${seconds(ms)}.`, limit: null };
  const isTokens = by === "tpm" || by === "tpd";
  const isMinute = by === "rpm" || by === "tpm";
  const unit = isTokens ? "token" : "request";
  const minute = isTokens ? admission.tokens : admission.requests;
  const today = admission.days.used(now);
  const used = isMinute ? minute.spent.sum(now) : isTokens ? today.tokens : today.requests;
  const limit = Math.floor((isMinute ? minute.limit : admission.configured[by]) ?? used);
  const left = isMinute ? (minute.left(now) ?? 0) : Math.max(0, limit - used);
  const needed = isTokens ? pool.cost(ticket).tokens : 1;
  const need = isTokens ? `about ${number(needed)}` : "1";
  const period = isMinute ? "a minute" : "a day";
  const allowed = `${number(limit)} ${unit}s ${period}`;
  const message =
    isMinute && needed <= left
      ? `${allowed} are given out evenly: the next in ${seconds(ms)} at the latest.`
      : `${allowed} are used up: ${number(left)} left, this job needs ${need}.`;
  return { message, limit: { name: by, limit, used } };
}

function slotsOf(pool: PoolState): Explanation["limit"] {
  const { concurrency } = pool.admission.configured;
  return pool.isFull && concurrency !== null
    ? { name: "concurrency", limit: concurrency, used: pool.slots.size }
    : null;
}

function count(amount: number, noun: string): string {
  return `${number(amount)} ${noun}${amount === 1 ? "" : "s"}`;
}

function number(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function seconds(ms: number): string {
  return `${number(Math.max(1, Math.ceil(ms / 1_000)))} s`;
}

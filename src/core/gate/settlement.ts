// What the end of a run changes: counts put right, estimates learned, the provider's state noted.

import type { Spend } from "./admission";
import type { PoolState } from "./pool-state";
import type { Report } from "./report";
import type { Slot } from "./slots";

export function settleRun(
  pool: PoolState,
  jobId: string,
  slot: Slot | null,
  report: Report,
  now: number,
): void {
  if (!report.sent) {
    if (slot !== null) refundAll(pool, slot, now);
    pool.circuit.forget(jobId);
    return;
  }
  const last = slot === null ? null : countUsage(pool, slot, report, now);
  if (report.announced !== null) pool.admission.announce(report.announced, last, now);
  if (report.outcome === "rate_limited") pool.admission.refused(last, report, now);
  pool.circuit.ended(jobId, report.outcome === "down", now);
  if (report.outcome === "ok" && slot !== null) learnRun(pool, slot, report, now);
}

/** Nothing was sent. */
export function refundAll(pool: PoolState, slot: Slot, now: number): void {
  for (const spend of slot.spends) {
    pool.admission.refund(spend, now);
    pool.line.charge(slot.ticket, -spend.tokens);
  }
}

/** Replaces the estimates by what was used, and returns the last call with it. */
function countUsage(pool: PoolState, { ticket, spends }: Slot, report: Report, now: number): Spend | null {
  const estimated = spends.reduce((sum, { tokens }) => sum + tokens, 0);
  const used = usedTokens(pool, spends, report, estimated);
  // The report is of all calls together; each is taken to have been off as much as the others.
  const counted = spends.map((spend) => ({
    ...spend,
    tokens: Math.round((used * spend.tokens) / Math.max(1, estimated)),
  }));
  spends.forEach((spend, i) => {
    pool.admission.settle(spend, counted[i]?.tokens ?? spend.tokens, now);
  });
  pool.line.charge(ticket, used - estimated);
  return counted.at(-1) ?? null;
}

function usedTokens(pool: PoolState, spends: Spend[], report: Report, estimated: number): number {
  const { inputTokens, outputTokens } = report;
  if (inputTokens === null && outputTokens === null) {
    // No provider counts the tokens of what it refuses.
    return report.outcome === "rate_limited" ? 0 : estimated;
  }
  const chars = spends.reduce((sum, { inputChars }) => sum + inputChars, 0);
  const input = Math.min(estimated, chars / pool.estimates.charsPerToken);
  return Math.round((inputTokens ?? input) + (outputTokens ?? estimated - input));
}

function learnRun(pool: PoolState, slot: Slot, report: Report, now: number): void {
  const { ticket, spends, startedAt } = slot;
  const { inputTokens, outputTokens } = report;
  const calls = spends.length;
  // A run that was found running has an unknown number of calls and an unknown start.
  const last = spends.at(-1);
  if (last === undefined) return;
  pool.admission.backOff.served(last.at);
  if (startedAt !== null) pool.runTimes.learn(now - startedAt);
  if (inputTokens !== null)
    pool.estimates.learnInput(
      spends.reduce((sum, { inputChars }) => sum + inputChars, 0),
      inputTokens,
    );
  if (outputTokens !== null) pool.estimates.learnOutput(ticket.task, outputTokens / calls);
  if (inputTokens !== null && outputTokens !== null)
    pool.estimates.learnCall((inputTokens + outputTokens) / calls);
}

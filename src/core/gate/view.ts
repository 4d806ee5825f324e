// The gate as GET /v1/pools shows it.

import type { CircuitState } from "./circuit";
import type { PoolState } from "./pool-state";
import type { PoolLimits } from "./ticket";

type ByMinute = { requests: number | null; tokens: number | null };

export type GateView = {
  limits: {
    configured: PoolLimits;
    /** With what the provider announces and what was learned. By the minute. */
    in_force: ByMinute;
  };
  used_last_minute: { requests: number; tokens: number };
  used_today: { requests: number; tokens: number };
  remaining: ByMinute;
  in_flight: number;
  /** The head of the line, which the gate holds; the database may have more. */
  window: { jobs: number; flows: number };
  learned: {
    chars_per_token: number;
    output_tokens: Record<string, number>;
    requests_per_minute: number | null;
    run_ms: number | null;
  };
  backing_off_until: string | null;
  circuit: { state: CircuitState; until: string | null };
};

export function viewOf(pool: PoolState, now: number): GateView {
  const { admission, estimates, line, slots, circuit, runTimes } = pool;
  const { requests, tokens, learned } = admission;
  const opensAt = circuit.opensAt;
  return {
    limits: {
      configured: { ...admission.configured },
      in_force: { requests: whole(requests.limit), tokens: whole(tokens.limit) },
    },
    used_last_minute: { requests: requests.spent.sum(now), tokens: tokens.spent.sum(now) },
    used_today: admission.days.used(now),
    remaining: { requests: requests.left(now), tokens: tokens.left(now) },
    in_flight: slots.size,
    window: { jobs: line.size, flows: line.all().length },
    learned: {
      chars_per_token: Math.round(estimates.charsPerToken * 100) / 100,
      output_tokens: estimates.outputs(),
      requests_per_minute: whole(learned.value),
      run_ms: whole(runTimes.meanMs),
    },
    backing_off_until: admission.backOff.msUntil(now) > 0 ? iso(admission.backOff.endsAt) : null,
    circuit: { state: circuit.state(now), until: opensAt === null || opensAt <= now ? null : iso(opensAt) },
  };
}

function whole(value: number | null): number | null {
  return value === null ? null : Math.round(value);
}

function iso(ms: number): string {
  // A retry-after may be absurd, and later than any date.
  return new Date(Math.min(ms, 8_640_000_000_000_000)).toISOString();
}

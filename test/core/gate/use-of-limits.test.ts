// A provider's limits are used nearly in full, and never overrun.

import { describe, expect, it } from "vitest";
import { GateSimulation } from "../../support/gate-simulator";
import { simulatedJobs } from "../../support/gate-workloads";
import type { LimitKind } from "../../support/model-provider";

const RPM = 500;
const TPM = 60_000;
const JOBS = 10_000;

function simulate(seed: number, kind: LimitKind, announces: boolean, outputTokens: number, noise: number) {
  const limits = { rpm: RPM, tpm: TPM };
  const simulation = new GateSimulation({ seed, limits, provider: { ...limits, kind, announces } });
  const load = { inputTokens: 50, outputTokens, noise, runMs: 3_000 };
  simulation.submit(simulatedJobs(JOBS, simulation.random, load));
  expect(simulation.runToEnd(3_600_000)).toBe(true);
  const minutes = [...simulation.provider.minutes.values()];
  const used = minutes.map(({ requests, tokens }) => Math.max(requests / RPM, tokens / TPM));
  // The first begins with an empty bucket and nothing learned, the last ends early.
  return { simulation, leastUsed: Math.min(...used.slice(1, -1)), minutes: minutes.length };
}

describe("10,000 jobs against 500 requests and 60,000 tokens a minute", () => {
  it.each([
    ["a refilling bucket with headers", "bucket", true],
    ["a refilling bucket without headers", "bucket", false],
    ["a sliding minute with headers", "sliding", true],
    ["a sliding minute without headers", "sliding", false],
    ["a fixed minute with headers", "fixed", true],
    ["a fixed minute without headers", "fixed", false],
  ] as const)("meet no 429 and use 95 percent of every minute: %s", (_what, kind, announces) => {
    // Once tokens are what is short, with estimates off by 40 %, and once requests.
    for (const outputTokens of [100, 50]) {
      const { simulation, leastUsed, minutes } = simulate(1, kind, announces, outputTokens, 0.4);
      expect(simulation.provider.refused).toBe(0);
      expect(leastUsed).toBeGreaterThanOrEqual(0.95);
      expect(minutes).toBeGreaterThan(20);
    }
  });
});

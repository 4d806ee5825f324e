// Whatever is asked of the gate: everything ends, and nothing is given out twice or above its limit.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LANES } from "../../../src/core/lifecycle";
import { GateSimulation, type SimulatedJob } from "../../support/gate-simulator";
import { simulatedJob } from "../../support/gate-workloads";

const SEED = 20261122;
const RUNS = 1_000;
const HOUR_MS = 3_600_000;

const workloads = fc.record({
  seed: fc.integer({ min: 1, max: 1_000_000 }),
  jobs: fc.integer({ min: 1, max: 40 }),
  kind: fc.constantFrom("bucket", "sliding", "fixed"),
  rpm: fc.option(fc.integer({ min: 5, max: 300 })),
  tpm: fc.option(fc.integer({ min: 1_000, max: 60_000 })),
  concurrency: fc.option(fc.integer({ min: 1, max: 8 })),
  /** What is configured, against what the provider allows. */
  knows: fc.constantFrom(0.5, 1, 1, 1, 2, 10),
  announces: fc.boolean(),
  saysRetryAfter: fc.boolean(),
  lostRings: fc.constantFrom(0, 0, 0.1),
  outage: fc.option(fc.record({ at: fc.nat(60_000), forMs: fc.integer({ min: 1_000, max: 120_000 }) })),
  restarts: fc.array(fc.nat(180_000), { maxLength: 2 }),
});

type Workload = typeof workloads extends fc.Arbitrary<infer T> ? T : never;

/** A mix of lanes, priorities, tenants, end users, keys and sizes, some of them larger than the limit. */
function mixedJobs(simulation: GateSimulation, { jobs, tpm }: Workload): SimulatedJob[] {
  const { random } = simulation;
  const keys = [null, null, null, { key: "k", limit: 1 }, { key: "l", limit: 2 }] as const;
  return Array.from({ length: jobs }, () => {
    const isLarge = random.chance(0.05);
    const outputTokens = isLarge ? (tpm ?? 10_000) * 1.2 : random.between(20, 600);
    const load = { inputTokens: random.between(10, 400), outputTokens, noise: 0.4, runMs: 3_000 };
    return simulatedJob(random, load, {
      projectId: random.pick(["a", "b", "c", "d"]),
      lane: random.pick(LANES),
      priority: random.pick([0, 0, 0, -5, 10]),
      fairKey: random.pick([null, "u1", "u2"]),
      task: random.pick(["generate", "embed"]),
      maxOutputTokens: random.chance(0.3) ? Math.ceil(outputTokens * 3) : null,
      concurrency: random.pick(keys),
      hasDetour: random.chance(0.1),
      runAt: simulation.now + random.between(0, 1_000),
    });
  });
}

function simulate(workload: Workload): { simulation: GateSimulation; ended: boolean } {
  const { seed, kind, rpm, tpm, concurrency, knows, announces, saysRetryAfter, lostRings } = workload;
  const configured = (limit: number | null) =>
    limit === null ? null : Math.max(1, Math.round(limit * knows));
  const simulation = new GateSimulation({
    seed,
    limits: { rpm: configured(rpm), tpm: configured(tpm), concurrency },
    adaptive: true,
    provider: { kind, rpm, tpm, announces, saysRetryAfter },
    weights: { a: 1, b: 2, c: 0.5 },
    lostRings,
    checksMinutes: true,
  });
  const jobs = mixedJobs(simulation, workload);
  const bulk = jobs.filter((_, i) => i % 2 === 0);
  simulation.submit(bulk);
  for (const job of jobs.filter((_, i) => i % 2 === 1))
    simulation.clock.after(simulation.random.between(0, 60_000), () => simulation.submit([job]));
  const { outage, restarts } = workload;
  if (outage !== null) {
    simulation.clock.after(outage.at, () => {
      simulation.provider.isDown = true;
    });
    simulation.clock.after(outage.at + outage.forMs, () => {
      simulation.provider.isDown = false;
    });
  }
  for (const at of restarts) simulation.clock.after(at, () => simulation.restart());
  simulation.run(60_001);
  return { simulation, ended: simulation.runToEnd(12 * HOUR_MS) };
}

describe("any workload", () => {
  it(`ends, and stays within its slots, keys and minutes (seed ${SEED})`, { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(workloads, (workload) => {
        const { simulation, ended } = simulate(workload);
        expect(simulation.violations).toEqual([]);
        expect(ended, `${simulation.jobs.pending} pending, ${simulation.jobs.running.size} running`).toBe(
          true,
        );
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });
});

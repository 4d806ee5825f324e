// What a waiting job is told: why it waits, how far it has to go, and when it will start.

import { describe, expect, it } from "vitest";
import { type Explanation, Gate, type PoolLimits, type Report } from "../../../src/core/gate/gate";
import { LANES } from "../../../src/core/lifecycle";
import { GateSimulation, NO_LIMITS, type SimulatedJob, START } from "../../support/gate-simulator";
import { simulatedJob, simulatedJobs, TICKET } from "../../support/gate-workloads";

const LOAD = { inputTokens: 100, outputTokens: 200, noise: 0.4, runMs: 4_000 };
const RATES = { rpm: 500, tpm: 60_000 };

type Scenario = {
  limits: Partial<PoolLimits>;
  batches: [count: number, ticket: object][];
  arrivals: boolean;
};

const SCENARIOS: Record<string, Scenario> = {
  "one project": { limits: RATES, batches: [[1_000, {}]], arrivals: false },
  "four projects": {
    limits: RATES,
    batches: ["a", "b", "c", "d"].map((projectId) => [300, { projectId }]),
    arrivals: false,
  },
  "three lanes": {
    limits: RATES,
    batches: [
      [100, { projectId: "a", lane: "interactive" }],
      [300, { projectId: "b", lane: "default" }],
      [500, { projectId: "c", lane: "bulk" }],
    ],
    arrivals: true,
  },
  "ten slots": { limits: { concurrency: 10 }, batches: [[1_000, {}]], arrivals: false },
  everything: {
    limits: { ...RATES, concurrency: 40 },
    batches: ["a", "b", "c", "d"].map((projectId) => [250, { projectId }]),
    arrivals: true,
  },
};

/** Asks for random waiting jobs at random moments, and compares with when they start. */
function asked(scenario: Scenario, seed: number) {
  const sim = new GateSimulation({
    seed,
    limits: scenario.limits,
    provider: scenario.limits,
    weights: { b: 2, c: 4 },
  });
  const { random } = sim;
  const all: SimulatedJob[] = [];
  const submit = (jobs: SimulatedJob[]) => {
    all.push(...jobs);
    sim.submit(jobs);
  };
  for (const [count, ticket] of scenario.batches) submit(simulatedJobs(count, random, LOAD, ticket));
  const arrive = () => {
    const ticket = { lane: random.pick(LANES), projectId: random.pick(["a", "b", "e"]), runAt: sim.now };
    submit([simulatedJob(random, LOAD, ticket)]);
  };
  for (let i = 0; scenario.arrivals && i < 200; i++) sim.clock.after(i * 1_500, arrive);
  const answers: { id: string; at: number; etaMs: Explanation["etaMs"] }[] = [];
  for (let i = 0; i < 40; i++) {
    sim.run(random.between(1_000, 12_000));
    const waiting = all.filter(({ ticket }) => sim.jobs.state(ticket.id) === "pending");
    const ticket = waiting[random.between(0, waiting.length - 1)]?.ticket;
    if (ticket === undefined) continue;
    const { etaMs } = sim.gate.explain(ticket, sim.jobs.backlog(ticket), sim.now);
    answers.push({ id: ticket.id, at: sim.now, etaMs });
  }
  expect(sim.runToEnd(7_200_000)).toBe(true);
  return answers.map(({ id, at, etaMs }) => {
    const { earliest, latest } = etaMs ?? { earliest: 0, latest: 0 };
    const waited = (sim.startedAt.get(id) ?? 0) - at;
    const isWithin = earliest <= waited && waited <= latest;
    return { isWithin, width: (latest - earliest) / Math.max((earliest + latest) / 2, 5_000) };
  });
}

describe("the range in which a job is said to start", () => {
  it("holds for nine jobs of ten, and is at the median no wider than its middle or 5 s", () => {
    for (const [name, scenario] of Object.entries(SCENARIOS)) {
      const answers = [11, 12, 13].flatMap((seed) => asked(scenario, seed));
      const widths = answers.map(({ width }) => width).sort((a, b) => a - b);
      expect(answers.length, name).toBeGreaterThan(60);
      expect(answers.filter(({ isWithin }) => isWithin).length / answers.length, name).toBeGreaterThanOrEqual(
        0.9,
      );
      expect(widths[Math.floor(widths.length / 2)], name).toBeLessThanOrEqual(1);
    }
  });
});

const newGate = (limits: Partial<PoolLimits>) =>
  new Gate({
    limits: { ...NO_LIMITS, ...limits },
    adaptive: false,
    now: START,
    memory: null,
    weightOf: () => 1,
  });
const FAILED: Report = {
  outcome: "down",
  sent: true,
  inputTokens: null,
  outputTokens: null,
  retryAfterMs: null,
  announced: null,
};

describe("the reason for which a job waits", () => {
  const job = { ...TICKET, id: "job" };

  it("is the limit that is given out evenly, or used up, with its number", () => {
    const gate = newGate({ tpm: 60_000 });
    expect(gate.explain(job, [], START)).toMatchObject({
      reason: "rate_limited",
      message: "60,000 tokens a minute are given out evenly: the next in 1 s at the latest.",
      limit: { name: "tpm", limit: 60_000, used: 0 },
      position: 1,
    });
    const small = newGate({ tpm: 500 });
    expect(small.explain(job, [], START)).toMatchObject({
      reason: "rate_limited",
      message: "500 tokens a minute are used up: 500 left, this job needs about 600.",
    });
  });

  it("is what others are owed, with their number", () => {
    const gate = newGate({ tpm: 60_000 });
    const backlog = { projectId: "q", lane: "interactive" as const, jobs: 12, ahead: null };
    const own = { projectId: "p", lane: "default" as const, jobs: 5, ahead: 3 };
    const { reason, position, message } = gate.explain(job, [backlog, own], START);
    expect({ reason, position }).toEqual({ reason: "fair_share", position: 16 });
    expect(message).toBe("12 jobs of 1 other project go first, and 3 of its own project.");
  });

  it("is the slots, or its concurrency key, when they are taken", () => {
    const concurrency = { key: "k", limit: 1 };
    const gate = newGate({ concurrency: 1 });
    gate.ask({ ...TICKET, id: "first", concurrency }, START);
    expect(gate.explain(job, [], START)).toMatchObject({
      reason: "concurrency",
      limit: { name: "concurrency", limit: 1, used: 1 },
    });
    expect(gate.explain({ ...job, concurrency }, [], START)).toMatchObject({
      message: '1 of 1 jobs with the concurrency key "k" are running.',
      limit: { name: "key", limit: 1, used: 1 },
    });
  });

  it("is the provider when that is down", () => {
    const gate = newGate({});
    for (let i = 0; i < 5; i++) {
      gate.ask({ ...TICKET, id: `${i}` }, START);
      gate.settle(`${i}`, FAILED, START);
    }
    expect(gate.explain(job, [], START)).toMatchObject({
      reason: "provider_down",
      message: "The provider is down: it is tried again in 5 s.",
    });
  });
});

// What the gate does when the provider refuses or is down.

import { describe, expect, it } from "vitest";
import {
  Gate,
  type GateMemory,
  type PoolLimits,
  type Report,
  type Ticket,
} from "../../../src/core/gate/gate";
import { GateSimulation, NO_LIMITS, START as T } from "../../support/gate-simulator";
import { simulatedJobs, TICKET } from "../../support/gate-workloads";
import type { LimitKind } from "../../support/model-provider";

const REPORT: Report = {
  outcome: "ok",
  sent: true,
  inputTokens: 100,
  outputTokens: 100,
  retryAfterMs: null,
  announced: null,
};
const REFUSED: Report = { ...REPORT, outcome: "rate_limited", inputTokens: null, outputTokens: null };
const DOWN: Report = { ...REFUSED, outcome: "down" };

function newGate(limits: Partial<PoolLimits> = {}, memory: GateMemory | null = null): Gate {
  return new Gate({
    limits: { ...NO_LIMITS, ...limits },
    adaptive: false,
    now: T,
    memory,
    weightOf: () => 1,
  });
}

const job = (id: string, more: Partial<Ticket> = {}): Ticket => ({ ...TICKET, id, ...more });

/** The database has none of those that wait any more, and has had time to hear of them. */
function leaveLine(gate: Gate, now: number): void {
  gate.fill([], [], now + 10_001);
}

/** Starts a job and ends it at once. */
function run(gate: Gate, id: string, report: Report, now: number): "go" | "wait" | "down" {
  const answer = gate.ask(job(id), now);
  if (answer === "go") gate.settle(id, report, now);
  else leaveLine(gate, now);
  return answer;
}

describe("a 429", () => {
  it("stops the whole pool until retry-after", () => {
    const gate = newGate({ concurrency: 9 });
    run(gate, "a", { ...REFUSED, retryAfterMs: 7_000 }, T);
    expect(gate.ask(job("b"), T + 6_999)).toBe("wait");
    expect(gate.nextTurnAt(T + 1_000)).toBe(T + 7_000);
    expect(gate.turns(T + 7_000).map(({ id }) => id)).toEqual(["b"]);
  });

  it("that many calls meet together is one back-off, and one more each time they go on", () => {
    const gate = newGate({ concurrency: 99 });
    for (let i = 0; i < 20; i++) gate.ask(job(`${i}`), T);
    for (let i = 0; i < 20; i++) gate.settle(`${i}`, REFUSED, T + 100 + i);
    gate.ask(job("next"), T + 200);
    expect(gate.nextTurnAt(T + 200)).toBe(T + 1_100);
    const waits = [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000];
    let now = T + 1_100;
    expect(gate.turns(now)).toHaveLength(1);
    for (const ms of waits) {
      gate.settle("next", REFUSED, now);
      gate.ask(job("next"), now);
      expect(gate.nextTurnAt(now)).toBe(now + ms);
      now += ms;
      expect(gate.turns(now)).toHaveLength(1);
    }
    gate.settle("next", REPORT, now);
    run(gate, "after", REFUSED, now + 1);
    gate.ask(job("next"), now + 1);
    expect(gate.nextTurnAt(now + 1)).toBe(now + 1_001);
  });

  it("survives the gate's restart", () => {
    const gate = newGate({ concurrency: 9 });
    run(gate, "a", { ...REFUSED, retryAfterMs: 7_000 }, T);
    const next = newGate({ concurrency: 9 }, JSON.parse(JSON.stringify(gate.memory())));
    expect(next.ask(job("b"), T + 6_000)).toBe("wait");
  });
});

describe("a limit that nobody announces", () => {
  /** The last ten of `minutes`: what was learned on average, and what was served. */
  function observe(simulation: GateSimulation, minutes: number) {
    simulation.run((minutes - 10) * 60_000);
    const before = simulation.ended;
    let learned = 0;
    for (let i = 0; i < 120; i++) {
      simulation.run(5_000);
      learned += (simulation.gate.view(simulation.now).learned.requests_per_minute ?? 0) / 120;
    }
    return { learned, served: (simulation.ended - before) / 10 };
  }

  it.each([
    ["bucket", null],
    ["sliding", null],
    ["sliding", 1_000],
    ["fixed", 1_000],
  ] as [LimitKind, number | null][])(
    "is found within 10 percent, and followed (%s, %s configured)",
    (kind, rpm) => {
      const provider = { kind, rpm: 200, announces: false };
      const sim = new GateSimulation({ seed: 2, limits: { rpm }, adaptive: true, provider });
      const load = { inputTokens: 50, outputTokens: 100, noise: 0.4, runMs: 3_000 };
      sim.submit(simulatedJobs(20_000, sim.random, load));
      const off = (limit: number, minutes: number) => {
        const { learned, served } = observe(sim, minutes);
        // A bucket of a whole minute forgives a rate that is too high for long: there the served requests tell.
        return Math.abs((kind === "bucket" ? served : learned) / limit - 1);
      };
      expect(off(200, 15)).toBeLessThan(0.1);
      sim.provider.setLimits(400, null, sim.now);
      expect(off(400, 15)).toBeLessThan(0.15);
      sim.provider.setLimits(100, null, sim.now);
      expect(off(100, 15)).toBeLessThan(0.15);
    },
  );

  it("is not learned from a 429 that the headers explain", () => {
    const gate = newGate({ rpm: 60_000 });
    const meter = { limit: 100, remaining: 0, resetMs: 9_000 };
    gate.ask(job("a"), T + 1_000);
    gate.settle("a", { ...REFUSED, announced: { at: T + 1_000, requests: meter, tokens: null } }, T + 1_000);
    expect(gate.view(T + 1_000).learned.requests_per_minute).toBeNull();
    expect(gate.view(T + 1_000).backing_off_until).toBe(new Date(T + 10_000).toISOString());
  });
});

describe("the circuit", () => {
  const state = (gate: Gate, now: number) => gate.view(now).circuit.state;

  function openAt(now: number): Gate {
    const gate = newGate();
    for (let i = 0; i < 5; i++) run(gate, `down${i}`, DOWN, now);
    return gate;
  }

  it("opens after five failures in a row, and not after four", () => {
    const gate = newGate();
    for (let i = 0; i < 4; i++) run(gate, `${i}`, DOWN, T);
    run(gate, "ok", REPORT, T);
    for (let i = 0; i < 4; i++) run(gate, `again${i}`, DOWN, T);
    expect(state(gate, T)).toBe("closed");
    run(gate, "last", DOWN, T);
    expect(state(gate, T)).toBe("open");
    expect(run(gate, "next", REPORT, T + 4_999)).toBe("wait");
  });

  it("opens when half of the last calls within a minute failed", () => {
    const gate = newGate();
    for (let i = 0; i < 9; i++) run(gate, `${i}`, i % 2 === 0 ? REPORT : DOWN, T + i);
    expect(state(gate, T + 9)).toBe("closed");
    run(gate, "9", DOWN, T + 9);
    expect(state(gate, T + 9)).toBe("open");
    const slow = newGate();
    for (let i = 0; i < 40; i++) run(slow, `${i}`, i % 2 === 0 ? REPORT : DOWN, T + i * 10_000);
    expect(state(slow, T + 400_000)).toBe("closed");
  });

  it("tries one job at a time, closes when it succeeds, and else stays open for longer", () => {
    const gate = openAt(T);
    let now = T;
    for (const openMs of [5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]) {
      expect(gate.ask(job("early"), now + openMs - 1)).toBe("wait");
      now += openMs;
      leaveLine(gate, now);
      expect(state(gate, now)).toBe("half_open");
      expect(gate.ask(job("probe"), now)).toBe("go");
      expect(gate.ask(job("second"), now)).toBe("wait");
      leaveLine(gate, now);
      gate.settle("probe", DOWN, now);
    }
    now += 300_000;
    run(gate, "probe", REPORT, now);
    expect(state(gate, now)).toBe("closed");
  });

  it("sends those with a detour elsewhere, at most 20 a second", () => {
    const gate = newGate();
    const tickets = Array.from({ length: 30 }, (_, i) => job(`d${i}`, { hasDetour: true }));
    const plain = job("plain", { lane: "bulk" });
    for (let i = 0; i < 5; i++) run(gate, `down${i}`, DOWN, T);
    expect(gate.ask(job("asks", { hasDetour: true }), T)).toBe("down");
    gate.fill([{ projectId: "p", lane: "default", tickets: [...tickets, plain], complete: true }], [], T);
    expect(gate.turns(T)).toHaveLength(20);
    expect(gate.nextTurnAt(T)).toBe(T + 50);
    expect(gate.turns(T + 1_000)).toHaveLength(10);
    expect(gate.view(T + 1_000).in_flight).toBe(0);
    expect(gate.turns(T + 5_000).map(({ id }) => id)).toEqual(["plain"]);
  });

  it("survives the gate's restart", () => {
    const memory = JSON.parse(JSON.stringify(openAt(T).memory()));
    expect(state(newGate({}, memory), T + 4_000)).toBe("open");
  });
});

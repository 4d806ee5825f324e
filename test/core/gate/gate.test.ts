// The gate's promises to the object around it: slots, holds, further calls, limits at run time, restarts, bounds.

import { describe, expect, it } from "vitest";
import {
  Gate,
  type GateMemory,
  type PoolLimits,
  type Report,
  SLOT_MS,
  type Ticket,
} from "../../../src/core/gate/gate";
import type { Lane } from "../../../src/core/lifecycle";
import { GateSimulation, NO_LIMITS, START as T } from "../../support/gate-simulator";
import { simulatedJobs, TICKET } from "../../support/gate-workloads";

const OK: Report = {
  outcome: "ok",
  sent: true,
  inputTokens: 100,
  outputTokens: 100,
  retryAfterMs: null,
  announced: null,
};

function newGate(limits: Partial<PoolLimits> = {}, memory: GateMemory | null = null, now = T): Gate {
  return new Gate({ limits: { ...NO_LIMITS, ...limits }, adaptive: false, now, memory, weightOf: () => 1 });
}

const job = (id: string, more: Partial<Ticket> = {}): Ticket => ({ ...TICKET, id, ...more });
const jobs = (count: number, more: Partial<Ticket> = {}) =>
  Array.from({ length: count }, (_, i) => job(`job${String(i).padStart(7, "0")}`, { runAt: T + i, ...more }));
const flow = (tickets: Ticket[], complete = true, projectId = "p", lane: Lane = "default") => ({
  projectId,
  lane,
  tickets,
  complete,
});
const ids = (tickets: Ticket[]) => tickets.map(({ id }) => id);

describe("a slot", () => {
  it("is one, however often a job asks", () => {
    const gate = newGate({ concurrency: 2 });
    for (let i = 0; i < 3; i++) expect(gate.ask(job("a"), T + i)).toBe("go");
    expect(gate.view(T).in_flight).toBe(1);
    expect(gate.view(T).used_last_minute.requests).toBe(1);
    gate.settle("a", OK, T + 10);
    expect(gate.view(T).in_flight).toBe(0);
  });

  it("is overdue when nobody came for it, and again when it is not kept", () => {
    const gate = newGate({ concurrency: 1 });
    gate.fill([flow([job("a")])], [], T);
    expect(ids(gate.turns(T))).toEqual(["a"]);
    expect(gate.overdue(T + SLOT_MS - 1)).toEqual([]);
    expect(gate.overdue(T + SLOT_MS)).toMatchObject([{ id: "a" }]);
    gate.keep("a", T + 90_000);
    expect(gate.overdue(T + SLOT_MS)).toEqual([]);
    expect(gate.overdue(T + 90_000)).toMatchObject([{ id: "a" }]);
  });

  it("is held by what the database says is running", () => {
    const gate = newGate({ concurrency: 2 });
    gate.fill([flow(jobs(5))], [job("r1"), job("r2")], T);
    expect(gate.turns(T)).toEqual([]);
    expect(gate.nextTurnAt(T)).toBeNull();
    gate.settle("r1", OK, T);
    expect(gate.turns(T)).toHaveLength(1);
  });

  it("that was not used costs nothing", () => {
    const gate = newGate({ rpm: 60_000, tpm: 600_000, rpd: 10 });
    gate.fill([flow([job("a"), job("b")])], [], T);
    expect(gate.turns(T + 1_000)).toHaveLength(2);
    gate.settle("a", { ...OK, sent: false, inputTokens: null, outputTokens: null }, T + 1_000);
    gate.putBack("b", null, T + 1_000);
    const view = gate.view(T + 1_000);
    expect(view.used_last_minute).toEqual({ requests: 0, tokens: 0 });
    expect(view.used_today).toEqual({ requests: 0, tokens: 0 });
  });
});

describe("a job put back", () => {
  it("leaves the window to the database, which is asked again", () => {
    const gate = newGate({ concurrency: 5 });
    gate.fill([flow([job("a")])], [], T);
    expect(gate.wantsFill).toBe(false);
    gate.turns(T);
    gate.putBack("a", null, T);
    expect(gate.turns(T + 60_000)).toEqual([]);
    expect(gate.wantsFill).toBe(true);
  });

  it.each([
    ["key", ["free", "other"]],
    ["job", ["same", "free", "other"]],
  ] as const)("with a hold on its %s leaves the others alone, and comes back after it", (by, rest) => {
    const gate = newGate({ concurrency: 9 });
    const concurrency = { key: "k", limit: 9 };
    const own = [
      job("held", { concurrency, priority: 9 }),
      job("same", { concurrency, runAt: T - 1 }),
      job("free"),
    ];
    gate.fill([flow([own[0] ?? TICKET])], [], T);
    gate.turns(T);
    gate.fill([flow(own), flow([job("other", { projectId: "q", runAt: T + 9 })], true, "q")], [], T);
    gate.putBack("held", { by, until: T + 5_000 }, T);
    expect(ids(gate.turns(T)).toSorted()).toEqual(rest.toSorted());
    expect(gate.nextTurnAt(T)).toBe(T + 5_000);
    expect(ids(gate.turns(T + 5_000))).toContain("held");
  });
});

describe("a further call of a running job", () => {
  const size = { inputChars: 400, maxOutputTokens: null };

  it("is counted, and goes before new jobs", () => {
    const gate = newGate({ tpm: 60_250 });
    gate.ask(job("a"), T + 60_000);
    expect(gate.view(T + 60_000).in_flight).toBe(1);
    // Small ones, for which there would be room all the time.
    gate.fill([flow(jobs(50, { inputChars: 4, maxOutputTokens: 50 }))], [], T + 60_000);
    gate.turns(T + 60_000);
    const ms = gate.take("a", size, T + 60_000);
    expect(ms).toBeGreaterThan(0);
    expect(ms).toBeLessThanOrEqual(1_300);
    // What refills until then is for it.
    for (let at = 0; at < ms; at += 50) expect(gate.turns(T + 60_000 + at)).toEqual([]);
    expect(gate.take("a", size, T + 60_000 + ms)).toBe(0);
    expect(gate.view(T + 60_000 + ms).used_last_minute.requests).toBeGreaterThanOrEqual(2);
  });

  it("that never comes does not block the line", () => {
    const gate = newGate({ tpm: 60_250 });
    gate.ask(job("a"), T + 60_000);
    gate.fill([flow(jobs(50))], [], T + 60_000);
    gate.turns(T + 60_000);
    gate.take("a", size, T + 60_000);
    expect(gate.turns(T + 65_000).length).toBeGreaterThan(0);
  });
});

describe("at run time", () => {
  it("a limit that is lowered holds at once, and one that is raised is used", () => {
    const limits = { rpm: 600, tpm: null };
    const sim = new GateSimulation({ seed: 5, limits, provider: { rpm: 10_000, announces: false } });
    sim.submit(simulatedJobs(6_000, sim.random, { inputTokens: 9, outputTokens: 9, noise: 0.1, runMs: 500 }));
    const served = (minutes: number) => {
      const before = sim.ended;
      sim.run(minutes * 60_000);
      return (sim.ended - before) / minutes;
    };
    expect(served(3) / 600).toBeGreaterThan(0.95);
    sim.setLimits({ rpm: 60 });
    sim.run(60_000);
    expect(served(3)).toBeLessThanOrEqual(60);
    sim.setLimits({ rpm: 1_200 });
    sim.run(5_000);
    expect(served(2) / 1_200).toBeGreaterThan(0.95);
  });

  it("a job that the database has no longer has no turn", () => {
    const gate = newGate({ concurrency: 9 });
    gate.fill([flow([job("a"), job("b")])], [], T);
    gate.fill([flow([job("b")])], [], T);
    expect(ids(gate.turns(T))).toEqual(["b"]);
  });

  it("a day's limit holds over a restart until midnight", () => {
    const midnight = Math.ceil(T / 86_400_000) * 86_400_000;
    const gate = newGate({ rpd: 1 });
    expect(gate.ask(job("a"), T)).toBe("go");
    const next = newGate({ rpd: 1 }, JSON.parse(JSON.stringify(gate.memory())), T + 1_000);
    expect(next.ask(job("b"), T + 1_000)).toBe("wait");
    expect(next.nextTurnAt(T + 1_000)).toBe(midnight);
    expect(ids(next.turns(midnight))).toEqual(["b"]);
  });
});

describe("after a restart", () => {
  it("nothing bursts, what was learned is known, and the window wants to be filled", () => {
    const gate = newGate({ rpm: 600, tpm: 60_000 });
    for (let i = 0; i < 300; i++) {
      const now = T + 2_000 + i * 1_000;
      expect(gate.ask(job(`${i}`), now)).toBe("go");
      gate.settle(`${i}`, OK, now);
    }
    const memory: GateMemory = JSON.parse(JSON.stringify(gate.memory()));
    const next = newGate({ rpm: 600, tpm: 60_000 }, memory, T + 400_000);
    expect(next.wantsFill).toBe(true);
    next.fill([flow(jobs(40))], [], T + 400_000);
    expect(next.wantsFill).toBe(false);
    expect(next.turns(T + 400_000)).toEqual([]);
    expect(next.turns(T + 401_000).length).toBeLessThanOrEqual(10);
    expect(next.view(T + 400_000).learned).toEqual(gate.view(T + 400_000).learned);
  });
});

describe("the window", () => {
  it("holds 50 jobs of a flow, the first of them, and asks for more when it runs low", () => {
    const gate = newGate({ concurrency: 1_000 });
    const all = jobs(200);
    gate.fill([flow(all.toReversed(), false)], [], T);
    expect(gate.view(T).window).toEqual({ jobs: 50, flows: 1 });
    expect(gate.wantsFill).toBe(false);
    expect(ids(gate.turns(T))).toEqual(ids(all.slice(0, 50)));
    expect(gate.wantsFill).toBe(true);
  });

  it("leaves a job that others stand before to the database", () => {
    const gate = newGate({ concurrency: 1 });
    gate.ask(job("running"), T);
    gate.fill([flow(jobs(60), false)], [job("running")], T);
    expect(gate.ask(job("late", { runAt: T + 999 }), T)).toBe("wait");
    expect(gate.ask(job("urgent", { priority: 5 }), T)).toBe("wait");
    gate.settle("running", OK, T);
    expect(ids(gate.turns(T))).toEqual(["urgent"]);
    expect(gate.view(T).window.jobs).toBe(49);
  });

  it("keeps a job that joined while the database was being read", () => {
    const gate = newGate({ concurrency: 1 });
    gate.ask(job("running"), T);
    gate.ask(job("new"), T + 10);
    gate.fill([flow([])], [job("running")], T + 20);
    gate.settle("running", OK, T + 30);
    expect(ids(gate.turns(T + 30))).toEqual(["new"]);
  });

  it("stays within 5,000 jobs and 300 flows when a million are offered", () => {
    const gate = newGate({ concurrency: 1 });
    gate.ask(job("running"), T);
    for (let i = 0; i < 500_000; i++) gate.ask(job(`a${i}`, { projectId: `p${i % 1_000}`, runAt: T + i }), T);
    const held = () => gate.view(T).window.jobs;
    expect(held()).toBeLessThanOrEqual(5_000);
    const flows = Array.from({ length: 1_000 }, (_, p) =>
      flow(jobs(500, { projectId: `q${p}` }), false, `q${p}`),
    );
    for (const each of flows)
      each.tickets = each.tickets.map((t) => ({ ...t, id: `${each.projectId}/${t.id}` }));
    gate.fill(flows, [], T + 60_000);
    expect(held()).toBeLessThanOrEqual(5_000);
    expect(held()).toBeGreaterThan(2_500);
    expect(gate.view(T).window.flows).toBeLessThanOrEqual(300);
    expect(gate.wantsFill).toBe(false);
  });

  it("remembers little, whatever was run", () => {
    const gate = newGate({ concurrency: 9 });
    for (let i = 0; i < 2_000; i++) {
      const ticket = job(`${i}`, {
        task: `task ${"x".repeat(100)} ${i}`,
        projectId: `p${i}`,
        fairKey: `u${i}`,
      });
      gate.ask(ticket, T + i);
      gate.settle(ticket.id, OK, T + i);
    }
    expect(JSON.stringify(gate.memory()).length).toBeLessThan(50_000);
  });
});

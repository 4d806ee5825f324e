import { describe, expect, it } from "vitest";
import { FULL, ROUNDS, SEED } from "../support/fault-rounds";
import { SCENARIOS } from "../support/fault-scenarios";
import { nameOf, tryOut } from "../support/fault-trial";
import { at, atPeace, FAULT_KINDS, type FaultKind, type Place } from "../support/fault-wire";
import { sample, seeded } from "../support/seeded";

/** Faults that are tried of each scenario when not all are. */
const SAMPLE = 8;
const MAIN: FaultKind[] = ["lose", "die after"];

/** What a job can do without: nobody may wait for it, and an erased job must not come back by it. */
const EDGES: Place[] = ["queue", "hub"];
const HARD: FaultKind[] = ["fail", "hang"];

describe.each(SCENARIOS)("a fault at any operation of: $name", (scenario) => {
  it(`breaks no part of the contract, nor does another while all is put right (seed ${SEED})`, {
    timeout: 600_000,
  }, async () => {
    const { ops, breaches } = await tryOut(scenario, atPeace);
    expect(breaches).toEqual([]);
    const random = seeded(SEED);
    const all = ops.flatMap(({ n }) => FAULT_KINDS.map((kind) => ({ n, kind })));
    const isMain = scenario === SCENARIOS[0];
    const edges = all.filter(
      ({ n, kind }) => EDGES.includes(ops[n - 1]?.place ?? "d1") && HARD.includes(kind),
    );
    const some = isMain ? all.filter(({ kind }) => MAIN.includes(kind)) : sample(random, all, SAMPLE);
    const chosen = isMain || scenario.name === "erase a running job" ? [...some, ...edges] : some;
    const broken: string[] = [];
    const trials = FULL ? all : chosen;
    for (const { n, kind } of trials) {
      const trial = await tryOut(scenario, at({ [n]: kind }));
      if (trial.breaches.length > 0)
        broken.push(nameOf(scenario, ops, n, kind), ...trial.breaches.map((b) => `    ${b}`));
    }
    for (const { n, kind } of sample(random, all, FULL ? 2 * ROUNDS : 3)) {
      const second = { n: n + 1 + random.below(20), kind: random.pick(FAULT_KINDS) };
      const trial = await tryOut(scenario, at({ [n]: kind, [second.n]: second.kind }));
      const name = `${nameOf(scenario, ops, n, kind)}, then ${second.kind} at ${second.n}`;
      if (trial.breaches.length > 0) broken.push(name, ...trial.breaches.map((breach) => `    ${breach}`));
    }
    console.log(`${scenario.name}: ${ops.length} operations, ${trials.length} faults`);
    expect(broken).toEqual([]);
  });
});

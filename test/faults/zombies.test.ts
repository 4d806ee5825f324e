import { describe, expect, it } from "vitest";
import { atPeace, type Mishap } from "../support/fault-gate";
import { FULL, SEED } from "../support/fault-rounds";
import { SCENARIOS } from "../support/fault-scenarios";
import { tryOut } from "../support/fault-trial";
import { sample, seeded } from "../support/seeded";
import { breachesOfZombie } from "../support/zombies";

const SAMPLE = 6;

const NAMES = [
  "generate",
  "generate with input and output in R2",
  "stream on a channel",
  "embed in two slices",
];
const KINDS: Mishap[] = ["freeze", "freeze after"];

describe.each(SCENARIOS.filter(({ name }) => NAMES.includes(name)))("a zombie of: $name", (scenario) => {
  it(`changes no row, tells no move, and what it used is in the ledger as lost (seed ${SEED})`, {
    timeout: 300_000,
  }, async () => {
    const { ops } = await tryOut(scenario, atPeace);
    // The operations of the consumer that answers the first doorbell, from its claim to its last word.
    const own = ops.filter(({ process }) => process === "consumer 2");
    expect(own.length).toBeGreaterThan(5);
    const all = own.flatMap((op, i) => KINDS.map((kind) => ({ k: i + 1, kind, op })));
    const trials = FULL ? all : sample(seeded(SEED), all, SAMPLE);
    const broken: string[] = [];
    for (const { k, kind, op } of trials) {
      const breaches = await breachesOfZombie(scenario, k, kind);
      if (breaches.length > 0)
        broken.push(`${kind} at ${op.place} ${op.name}`, ...breaches.map((b) => `    ${b}`));
    }
    console.log(`${scenario.name}: ${trials.length} zombies`);
    expect(broken).toEqual([]);
  });
});

import { describe, expect, it } from "vitest";
import { answer, eventStream, textChunk } from "../llm/fake-provider";
import { FULL, SEED } from "../support/fault-rounds";
import { SCENARIOS } from "../support/fault-scenarios";
import { type Scenario, submit } from "../support/fault-stage";
import { tryOut } from "../support/fault-trial";
import { atPeace, type Mishap } from "../support/fault-wire";
import { sample, seeded } from "../support/seeded";
import { breachesOfZombie, THAWS } from "../support/zombies";

const SAMPLE = 8;

const NAMES = [
  "generate",
  "generate with input and output in R2",
  "stream on a channel",
  "embed in two slices",
];
const KINDS: Mishap[] = ["freeze", "freeze after"];

/** Only the watch, not its answer, tells the first run that it has lost its job. */
const slow: Scenario = {
  name: "generate with a model that does not end",
  reply: (_call, nth, init) =>
    nth === 1 ? eventStream([textChunk("Hello ")], { ...init, hang: true }) : answer(),
  begin: async (stage) => {
    const input = { prompt: "Tea in Lisbon", model: "acme/chat" };
    await submit(stage, [{ task: "generate", input, timeout_s: 20 }], { calls: 2, attempts: 2 });
  },
};

const scenarios = [...SCENARIOS.filter(({ name }) => NAMES.includes(name)), slow];

describe.each(scenarios)("a zombie of: $name", (scenario) => {
  it(`changes no row, tells no move, and what it used is in the ledger as lost (seed ${SEED})`, {
    timeout: 300_000,
  }, async () => {
    const { ops } = await tryOut(scenario, atPeace);
    // The operations of the consumer that answers the first doorbell, from its claim to its last word.
    const own = ops.filter(({ process }) => process === "consumer 2");
    const until =
      scenario === slow
        ? own.findIndex(({ place, name }) => place === "model" && name === "read") + 2
        : own.length;
    expect(own.length).toBeGreaterThan(5);
    const all = own
      .slice(0, until)
      .flatMap((op, i) => KINDS.flatMap((kind) => THAWS.map((when) => ({ k: i + 1, kind, when, op }))));
    const trials = FULL ? all : sample(seeded(SEED), all, SAMPLE);
    const broken: string[] = [];
    for (const { k, kind, when, op } of trials) {
      const breaches = await breachesOfZombie(scenario, k, kind, when);
      const name = `${kind} at ${op.place} ${op.name}, until ${when}`;
      if (breaches.length > 0) broken.push(name, ...breaches.map((breach) => `    ${breach}`));
    }
    console.log(`${scenario.name}: ${trials.length} zombies`);
    expect(broken).toEqual([]);
  });
});

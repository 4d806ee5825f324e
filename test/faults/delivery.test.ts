import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sweep } from "../../src/engine/sweep";
import type { Doorbell } from "../../src/env";
import { answer } from "../llm/fake-provider";
import { findBreaches } from "../support/contract";
import { FULL, ROUNDS, SEED } from "../support/fault-rounds";
import { type Scenario, type Stage, stageFor, submit } from "../support/fault-stage";
import { emptyBucket, emptyTables } from "../support/fault-trial";
import { theRow } from "../support/rows";
import { type Random, seeded } from "../support/seeded";
import { startVirtualTime, stopVirtualTime } from "../support/virtual-time";
import { answerBatch, type World } from "../support/world";

const STORMS = FULL ? 15 * ROUNDS : 15;
const SKEW_MS = 60_000;

const NOTHING_LOST = { crashes: 0, brokenCalls: 0, lostCalls: 0 };

const request = { task: "generate", input: { prompt: "Tea", model: "acme/chat" }, timeout_s: 20 };

const quiet: Scenario = { name: "storm", reply: answer, begin: async () => {} };

/** Each doorbell none to three times, in any order, among two or three consumers at once; and once more what was before. */
async function storm(world: World, random: Random, known: Doorbell[]): Promise<void> {
  known.push(...world.mail.rung.splice(0));
  const bells = known.flatMap((bell) => Array.from({ length: random.below(4) }, () => bell));
  const mixed = bells.map((bell) => ({ bell, at: random.below(1_000) })).sort((a, b) => a.at - b.at);
  const consumers = 2 + random.below(2);
  const lives: Promise<unknown>[] = Array.from({ length: consumers }, (_, i) => {
    const own = mixed.filter((_one, j) => j % consumers === i).map(({ bell }) => bell);
    return world.start("consumer", (deps) => answerBatch(deps, own, world.mail.rung)).ended;
  });
  if (random.below(2) === 0) lives.push(world.start("clock", (deps) => sweep(deps, true)).ended);
  await world.until(Promise.all(lives));
}

async function submitSome(stage: Stage, random: Random): Promise<void> {
  for (let i = 0; i <= random.below(4); i++) {
    await submit(stage, [{ ...request, channel: random.below(2) === 0 ? "storm" : undefined }]);
  }
}

beforeEach(async () => {
  await emptyTables();
  startVirtualTime();
});

afterEach(async () => {
  stopVirtualTime();
  await emptyBucket();
});

describe("doorbells that come never, twice, late and in any order", () => {
  it(`make every job run exactly once, however wrong the clocks go (seed ${SEED})`, {
    timeout: 300_000,
  }, async () => {
    for (let i = 0; i < STORMS; i++) {
      const random = seeded(SEED + i);
      await emptyTables();
      const stage = stageFor(quiet, () => random.below(2 * SKEW_MS) - SKEW_MS);
      const known: Doorbell[] = [];
      for (let round = 0; round < 3; round++) {
        await submitSome(stage, random);
        await storm(stage.world, random, known);
      }
      await stage.world.live();
      expect(await findBreaches(stage, NOTHING_LOST), `storm ${SEED + i}`).toEqual([]);
      const calls = stage.world.calls.length;
      expect(calls, `storm ${SEED + i}`).toBe(stage.promised.length);
    }
  });

  it("start nothing before its time by the clock of the database, and nothing after its end", async () => {
    const stage = stageFor(quiet, () => SKEW_MS);
    const { world } = stage;
    await submit(stage, [{ ...request, delay_s: 30 }]);
    await submit(stage, [{ ...request, expires_in_s: 30 }]);
    const ids = stage.promised.flatMap((promise) => promise.ids);
    const bells = ids.map((id) => ({ p: "default", id }));
    await world.consume(bells);
    const states = await Promise.all(ids.map(async (id) => (await theRow(id))?.state));
    expect(states).toEqual(["pending", "completed"]);
    await world.tick();
    expect((await theRow(ids[0] ?? ""))?.state).toBe("pending");
    expect(world.calls.length).toBe(1);
  });
});

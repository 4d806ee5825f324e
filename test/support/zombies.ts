// A process that stops for so long that another takes its job over, and then goes on as if nothing had happened.

import { env } from "cloudflare:workers";
import { isKept } from "../../src/core/events";
import { findBreaches } from "./contract";
import { type Scenario, type Stage, stageFor } from "./fault-stage";
import { emptyBucket, emptyTables } from "./fault-trial";
import { atPeace, type Mishap } from "./fault-wire";
import { type Row, theRow } from "./rows";
import { startVirtualTime, stopVirtualTime } from "./virtual-time";
import { answerBatch } from "./world";

/** When the zombie is thawed: its job has ended, or is with the model of the run that has taken it over. */
export const THAWS = ["its job has ended", "another run has it"] as const;
export type Thaw = (typeof THAWS)[number];

/** The run of the zombie: each of these jobs is new. */
const ITS_RUN = 1;

/** What is wrong after a consumer was frozen at an operation of its own, and thawed. */
export async function breachesOfZombie(
  scenario: Scenario,
  k: number,
  mishap: Mishap,
  when: Thaw,
): Promise<string[]> {
  await emptyTables();
  startVirtualTime();
  try {
    const stage = stageFor(scenario);
    const { world } = stage;
    await scenario.begin(stage);
    const zombie = await freeze(stage, k, mishap);
    const other = when === "another run has it" ? await takeOver(stage) : null;
    if (!other) await world.live();
    const before = await rowsOf(stage);
    const heard = world.mail.told.length;
    zombie.wire.thaw();
    await world.until(zombie.ended);
    const after = await rowsOf(stage);
    const told = world.mail.told.slice(heard);
    other?.wire.thaw();
    if (other) await world.until(other.ended);
    await world.live();
    const breaches = await findBreaches(stage, { crashes: 1, brokenCalls: 0, lostCalls: 1 });
    if (after.every((row) => row?.run !== ITS_RUN)) {
      if (JSON.stringify(before) !== JSON.stringify(after)) breaches.push("a zombie has changed a row");
      // Its own start may have been on its way to the hub.
      const moves = told.filter(({ event }) => isKept(event));
      for (const { event } of moves) breaches.push(`a zombie tells ${event.type}`);
    }
    for (const row of await rowsOf(stage)) if (row) breaches.push(...(await wrongLines(row)));
    return breaches;
  } finally {
    stopVirtualTime();
    await emptyBucket();
  }
}

/** A consumer that answers the first doorbells, and stops at its operation `k`. */
async function freeze({ world }: Stage, k: number, mishap: Mishap) {
  const bells = world.takeBells();
  const target = world.traffic.ops.length + k;
  world.traffic.plan = (op) => (op.n === target ? mishap : null);
  const zombie = world.start("consumer", (deps) => answerBatch(deps, bells, world.mail.rung));
  await world.until(Promise.race([zombie.wire.frost, zombie.ended]));
  world.traffic.plan = atPeace;
  return zombie;
}

/** Another run of the job, up to its call to the model. Null: there is nothing to take over. */
async function takeOver({ world }: Stage) {
  await world.age();
  await world.tick();
  const bells = world.takeBells();
  if (bells.length === 0) return null;
  world.traffic.plan = (op) => (op.place === "model" ? "freeze" : null);
  const other = world.start("consumer", (deps) => answerBatch(deps, bells, world.mail.rung));
  await world.until(Promise.race([other.wire.frost, other.ended]));
  world.traffic.plan = atPeace;
  return other;
}

function rowsOf({ promised }: Stage): Promise<(Row | null)[]> {
  return Promise.all(promised.flatMap(({ ids }) => ids).map((id) => theRow(id)));
}

/** Of a job that was tried once: the run that ended it is in the ledger as its own, every other as lost. */
async function wrongLines({ id, run, attempt }: Row): Promise<string[]> {
  if (attempt !== 1) return [];
  const sql = "SELECT run, lost FROM ledger WHERE job_id = ?1";
  const { results } = await env.DB.prepare(sql).bind(id).all<{ run: number; lost: number }>();
  const wrong = results.filter((line) => (line.lost === 1) === (line.run === run));
  return wrong.map(
    (line) => `the ledger says ${line.lost ? "" : "not "}lost of run ${line.run}, the job has ${run}`,
  );
}

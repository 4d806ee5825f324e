// A process that stops for so long that another takes its job over, and then goes on as if nothing had happened.

import { env } from "cloudflare:workers";
import { isLive } from "../../src/core/events";
import { findBreaches } from "./contract";
import { at, atPeace, type Mishap } from "./fault-gate";
import { type Scenario, stageFor } from "./fault-stage";
import { emptyBucket, emptyTables } from "./fault-trial";
import { type Row, theRow } from "./rows";
import { startVirtualTime, stopVirtualTime } from "./virtual-time";
import { answerBatch } from "./world";

/** What is wrong after a consumer was frozen at an operation of its own, and thawed when its job had ended. */
export async function breachesOfZombie(scenario: Scenario, k: number, mishap: Mishap): Promise<string[]> {
  await emptyTables();
  startVirtualTime();
  try {
    const stage = stageFor(scenario);
    const { world } = stage;
    await scenario.begin(stage);
    const bells = world.takeBells();
    const begun = world.traffic.ops.length;
    world.traffic.plan = at({ [begun + k]: mishap });
    const { gate, ended } = world.start("consumer", (deps) => answerBatch(deps, bells, world.mail.rung));
    await world.until(Promise.race([gate.frost, ended]));
    world.traffic.plan = atPeace;
    await world.live();
    const ids = stage.promised.flatMap((promise) => promise.ids);
    const before = await Promise.all(ids.map(theRow));
    const heard = world.mail.told.length;
    gate.thaw();
    await world.until(ended);
    const after = await Promise.all(ids.map(theRow));
    const breaches = await findBreaches(stage, { crashes: 1, brokenCalls: 0, lostCalls: 1 });
    if (JSON.stringify(before) !== JSON.stringify(after)) breaches.push("a zombie has changed a row");
    for (const { event } of world.mail.told.slice(heard)) {
      const row = after.find((one) => one?.id === event.job_id);
      // Its own start may have been on its way to the hub.
      const isOld = event.type === "job.started" || isLive(event);
      if (event.run !== row?.run && !isOld) breaches.push(`a zombie tells ${event.type} ${event.run}`);
    }
    for (const row of after) if (row) breaches.push(...(await wrongLines(row)));
    return breaches;
  } finally {
    stopVirtualTime();
    await emptyBucket();
  }
}

/** The run that ended the job is in the ledger as its own, every other as lost. (None of these jobs is tried twice.) */
async function wrongLines({ id, run }: Row): Promise<string[]> {
  const sql = "SELECT run, lost FROM ledger WHERE job_id = ?1";
  const { results } = await env.DB.prepare(sql).bind(id).all<{ run: number; lost: number }>();
  const wrong = results.filter((line) => (line.lost === 1) === (line.run === run));
  return wrong.map(
    (line) => `the ledger says ${line.lost ? "" : "not "}lost of run ${line.run}, the job has ${run}`,
  );
}

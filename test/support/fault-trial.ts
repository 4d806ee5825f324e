// One trial: a scenario from beginning to end in a fresh world, with faults as planned, and what came of the contract.

import { env } from "cloudflare:workers";
import { FIRST_CHORES, housekeep } from "../../src/engine/housekeep";
import { type Allowance, findBreaches } from "./contract";
import { type Scenario, type Stage, stageFor } from "./fault-stage";
import { atPeace, type FaultKind, type Op, type Plan } from "./fault-wire";
import { startVirtualTime, stopVirtualTime } from "./virtual-time";

export type Trial = { stage: Stage; ops: Op[]; breaches: string[] };

/** Tables that a trial writes to. */
const TABLES = [
  "jobs",
  "job_tags",
  "idempotency_keys",
  "operations",
  "ledger",
  "usage_days",
  "pauses",
  "budgets",
  "cache_entries",
];

const HOUR_MS = 3_600_000;

export async function tryOut(scenario: Scenario, plan: Plan, skew?: () => number): Promise<Trial> {
  await emptyTables();
  startVirtualTime();
  try {
    const stage = stageFor(scenario, skew);
    await scenario.prepare?.(stage);
    const { traffic } = stage.world;
    traffic.ops = [];
    traffic.plan = plan;
    const wronged = await attempt(async () => {
      await scenario.begin(stage);
      await stage.world.live();
    });
    const ops = traffic.ops;
    traffic.plan = atPeace;
    await stage.world.live();
    await tidyUp(stage);
    const breaches = [...wronged, ...(await findBreaches(stage, allowanceOf(stage, ops)))];
    return { stage, ops, breaches };
  } finally {
    stopVirtualTime();
    await emptyBucket();
  }
}

async function attempt(act: () => Promise<void>): Promise<string[]> {
  try {
    await act();
    return [];
  } catch (error) {
    return [`threw ${error instanceof Error ? error.stack : error}`];
  }
}

/** What the faults that happened may have cost, and no more. */
function allowanceOf({ world }: Stage, ops: Op[]): Allowance {
  const consumers = world.processes.filter(({ name }) => name.startsWith("consumer"));
  const deaths = consumers.filter(({ how }) => how !== "done").length;
  // A claim that was made, and of which nobody heard though it was asked for twice: its job has no run.
  const claims = ops.filter(({ name, mishap }) => name.startsWith(CLAIM) && isUnheard(mishap));
  const claimless = new Set(claims.map(({ process }) => process));
  const unheard = consumers.filter(
    (one) => one.how === "done" && one.unheard && claimless.has(one.name),
  ).length;
  const broken = ops.filter(({ place, mishap }) => place === "model" && mishap && !isDeath(mishap)).length;
  // A run that could put its answer nowhere is as good as dead.
  const mute = world.processes.filter(({ logs }) =>
    logs.some(({ event }) => event === "settle_failed"),
  ).length;
  return { crashes: deaths + mute + unheard, brokenCalls: broken, lostCalls: deaths + mute };
}

const CLAIM = "UPDATE jobs SET state = 'running'";

const isUnheard = (mishap: Op["mishap"]) => mishap === "lose" || mishap === "hang after";
const isDeath = (mishap: Op["mishap"]) => mishap === "die" || mishap === "die after";

/** The clock's daily look for objects of jobs that do not exist. */
async function tidyUp({ world }: Stage): Promise<void> {
  const { objects } = await env.BUCKET.list();
  if (objects.length === 0) return;
  await world.run("housekeeping", (deps) => {
    const later = { ...deps, now: () => deps.now() + 30 * HOUR_MS };
    return housekeep(later, { ...FIRST_CHORES, stage: "objects" });
  });
}

export async function emptyTables(): Promise<void> {
  await env.DB.batch(TABLES.map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
}

export async function emptyBucket(): Promise<void> {
  const { objects } = await env.BUCKET.list();
  if (objects.length > 0) await env.BUCKET.delete(objects.map(({ key }) => key));
}

/** A fault at one operation, in words. */
export function nameOf(scenario: Scenario, ops: Op[], n: number, kind: FaultKind): string {
  const op = ops[n - 1];
  return `${scenario.name}: ${kind} at ${n} of ${ops.length} (${op?.process}: ${op?.place} ${op?.name})`;
}

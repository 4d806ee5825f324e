// The contract of an accepted job, checked against everything that is left of a world.

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { isEnd, type MoveEvent } from "../../src/core/events";
import { PROJECT } from "./factory";
import type { Promised, Stage } from "./fault-stage";
import { type Row, theRow } from "./rows";

/** What faults may have cost: runs that died, calls that broke at the model, calls whose answer died with its run. */
export type Allowance = { crashes: number; brokenCalls: number; lostCalls: number };

/** Every breach, in words. */
export async function findBreaches(stage: Stage, allowed: Allowance): Promise<string[]> {
  const breaches = [...stage.world.wrongs, ...unarmed(stage)];
  for (const call of stage.world.calls) {
    if (call.kept) breaches.push(`${call.process} calls the model though R2 has an answer`);
  }
  for (const promise of stage.promised) {
    for (const id of promise.ids) breaches.push(...(await breachesOf(stage, promise, id, allowed)));
    if (promise.how === "unknown") breaches.push(...(await halfStored(promise)));
  }
  return breaches;
}

/** The clock is asked to look before what it must find is stored, and told when a retry is due. */
function unarmed({ world }: Stage): string[] {
  const byProcess = Map.groupBy(world.traffic.ops, ({ process }) => process);
  return [...byProcess].flatMap(([process, ops]) => {
    const firstOf = (place: string, text: string) =>
      ops.findIndex((op) => op.place === place && op.name.startsWith(text));
    const [armed, stored] = [firstOf("clock", "arm"), firstOf("d1", "INSERT INTO jobs")];
    const wasArmed = stored === -1 || (armed !== -1 && armed < stored);
    const { how, unheard } = world.processes.find(({ name }) => name === process) ?? {};
    const retrying = world.mail.told.some(
      (one) => one.process === process && one.event.type === "job.retrying",
    );
    const wasTold = !retrying || armed !== -1 || how !== "done" || unheard === true;
    return wasArmed && wasTold ? [] : [`${process} has not told the clock`];
  });
}

async function breachesOf(
  stage: Stage,
  promise: Promised,
  id: string,
  allowed: Allowance,
): Promise<string[]> {
  const row = await theRow(id);
  const say = (words: string) => `${id} (${promise.how}): ${words}`;
  if (promise.how === "refused") {
    const left = row ? ["a row"] : await leftOf(id);
    return left.map((what) => say(`was refused, and left ${what}`));
  }
  if (!row) return (await withoutRow(stage, promise, id)).map(say);
  return [
    ...endBreaches(promise, row),
    ...(await outputBreaches(promise, row)),
    ...countBreaches(stage, promise, row, allowed),
    ...eventBreaches(stage, promise, row),
    ...(await ledgerBreaches(stage, row, allowed)),
    ...(await strayObjects(row)),
  ].map(say);
}

/** A submit of which nobody knows: all of it or nothing. */
async function halfStored({ ids }: Promised): Promise<string[]> {
  const rows = await Promise.all(ids.map((id) => theRow(id)));
  const stored = rows.filter((row) => row !== null).length;
  return stored === 0 || stored === ids.length ? [] : [`${stored} of ${ids.length} jobs are stored`];
}

async function withoutRow(stage: Stage, promise: Promised, id: string): Promise<string[]> {
  const wasMade = stage.world.calls.some(({ job }) => job === id) || promise.ends.includes("gone");
  if (!wasMade && promise.how === "unknown") return [];
  if (!promise.ends.includes("gone")) return ["is not there"];
  return (await leftOf(id)).map((what) => `is gone, and left ${what}`);
}

function endBreaches({ ends }: Promised, row: Row): string[] {
  const state = String(row.state);
  if (row.erase_at !== null) return ["is erased, and still there"];
  if (!(ends as string[]).includes(state)) return [`is ${state} (${row.error}), not ${ends}`];
  const isClean = row.wake_at === null && row.lease_until === null && row.finished_at !== null;
  return isClean ? [] : ["has ended, but its row does not say so"];
}

async function outputBreaches({ text }: Promised, row: Row): Promise<string[]> {
  if (row.state !== "completed") return [];
  const inR2 = row.output_key === null ? null : await env.BUCKET.get(String(row.output_key));
  const output = row.output ?? (await inR2?.text());
  return output?.toString().includes(text) ? [] : [`has the output ${output?.toString().slice(0, 40)}`];
}

function countBreaches({ world }: Stage, promise: Promised, row: Row, allowed: Allowance): string[] {
  const found: string[] = [];
  const calls = world.calls.filter(({ job }) => job === row.id).length;
  // A slice of a call that broke is done again with the whole attempt.
  const most = promise.calls * (1 + allowed.brokenCalls + allowed.lostCalls);
  if (calls > most) found.push(`${calls} calls to the model, not ${most}`);
  const isAnswered = row.cached !== null;
  if (isAnswered && row.usage !== null) found.push("was answered, and has used something");
  if (row.state === "completed" && !isAnswered && promise.calls > 0 && calls < 1)
    found.push("no call to the model");
  const attempts = promise.attempts + allowed.brokenCalls;
  if (Number(row.attempt) > attempts) found.push(`attempt ${row.attempt}, not ${attempts}`);
  if (row.state === "completed" && !isAnswered && Number(row.attempt) < 1) found.push("no attempt");
  if (Number(row.crashes) > allowed.crashes) found.push(`${row.crashes} crashes, not ${allowed.crashes}`);
  return found;
}

function eventBreaches({ world }: Stage, promise: Promised, row: Row): string[] {
  const told = world.mail.told.filter(
    ({ event }) => event.job_id === row.id && event.type !== "job.progress",
  );
  const moves = told.map(({ process, event }) => ({ process, event: event as MoveEvent }));
  const ends = new Set(moves.filter(({ event }) => isEnd(event)).map(({ event }) => event.version));
  const found = ends.size === promise.endings ? [] : [`${ends.size} ends told, not ${promise.endings}`];
  const types = new Map<number, string>();
  for (const { event } of moves) {
    const before = types.get(event.version) ?? event.type;
    if (before !== event.type) found.push(`version ${event.version} is ${before} and ${event.type}`);
    types.set(event.version, event.type);
  }
  const newest = moves.reduce((max, { event }) => Math.max(max, event.version), 0);
  if (newest !== row.version) found.push(`told up to version ${newest}, is at ${row.version}`);
  for (const list of Map.groupBy(moves, ({ process }) => process).values()) {
    const versions = list.map(({ event }) => event.version);
    if (versions.some((version, i) => version < (versions[i - 1] ?? 0))) {
      found.push(`${list[0]?.process} tells versions ${versions}`);
    }
  }
  return found;
}

async function ledgerBreaches({ world }: Stage, row: Row, allowed: Allowance): Promise<string[]> {
  const sql = "SELECT run, lost, input_tokens FROM ledger WHERE project_id = ?1 AND job_id = ?2 ORDER BY run";
  type Line = { run: number; lost: number; input_tokens: number };
  const { results: lines } = await env.DB.prepare(sql).bind(PROJECT, row.id).all<Line>();
  const found: string[] = [];
  const sum = lines.reduce((all, { lost, input_tokens }) => all + (lost ? 0 : input_tokens), 0);
  const usage = row.usage === null ? 0 : JSON.parse(String(row.usage)).input_tokens;
  if (sum !== usage) found.push(`the ledger has ${sum} tokens, the job ${usage}`);
  // A process that died took with it what it had used; all others must have written down what they have.
  const isAlive = ({ how, logs }: (typeof world.processes)[number]) =>
    how === "done" && !logs.some(({ event }) => event === "settle_failed");
  const alive = new Set(world.processes.filter(isAlive).map(({ name }) => name));
  const users = world.calls.filter((call) => call.job === row.id && alive.has(call.process) && !call.refused);
  const runs = new Set(users.map(({ process }) => process)).size;
  if (lines.length < runs - allowed.brokenCalls)
    found.push(`${lines.length} lines in the ledger for ${runs} runs`);
  return found;
}

/** Objects that the row does not name, and nobody will look for before the job is erased. */
async function strayObjects(row: Row): Promise<string[]> {
  const { objects } = await env.BUCKET.list({ prefix: `unsettled/${PROJECT}/${row.id}/` });
  return objects.map(({ key }) => `has ended, and left ${key}`);
}

/** What the hub of the channel on which jobs are erased remembers. */
async function heardOf(id: string): Promise<string[]> {
  const hub = env.EVENT_HUB.getByName(`${PROJECT}/channel/erase`);
  const rows = await runInDurableObject(hub, (_hub, state) =>
    state.storage.sql.exec<{ events: string }>("SELECT events FROM ring").toArray(),
  );
  return rows.some(({ events }) => events.includes(id)) ? ["news in its hub"] : [];
}

/** Whatever still tells of a job. */
export async function leftOf(id: string): Promise<string[]> {
  const count = async (table: string, column: string) => {
    const sql = `SELECT COUNT(*) AS count FROM ${table} WHERE ${column} = ?1`;
    const row = await env.DB.prepare(sql).bind(id).first<{ count: number }>();
    return row?.count ? [`${row.count} of ${table}`] : [];
  };
  const own = (await env.BUCKET.list({ prefix: `${PROJECT}/${id}/` })).objects;
  const kept = (await env.BUCKET.list({ prefix: `unsettled/${PROJECT}/${id}/` })).objects;
  return [
    ...(await count("jobs", "id")),
    ...(await count("job_tags", "job_id")),
    ...(await count("idempotency_keys", "job_id")),
    ...[...own, ...kept].map(({ key }) => key),
    ...(await heardOf(id)),
  ];
}

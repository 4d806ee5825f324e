// `kill -9` of everything at random moments, again and again, while jobs of every kind come in.

import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { JobOnWire } from "../../src/contract/job";
import { isEnd, type MoveEvent } from "../../src/core/events";
import { readKeptEvents, readObjectKeys } from "../support/crash.mjs";
import { CrashLoad } from "../support/crash-load";
import { CHANNELS, CrashPlan, type Planned, problemOf } from "../support/crash-plan";
import {
  countCalls,
  deadRuns,
  findContradictions,
  findHalves,
  findLapses,
  type JobRow,
  problemOfRow,
  readJobs,
} from "../support/crash-verdict";
import { faultRounds, faultSeed } from "../support/fault-settings.mjs";
import { LastingListener } from "../support/lasting-listener";
import { MortalServer } from "../support/mortal-server";
import { type Provider, startProvider } from "../support/provider-server.mjs";
import { Random } from "../support/random";
import { generate } from "../support/service";

// No job fails of crashes here (poison.test.ts): however often it is hit, it must get through.
const TIMING = { lease_s: 3, ring_check_s: 2, clock_pass_s: 1, max_crashes: 100 };
const LEAST_JOBS = 500;
/**
 * After the last kill, on top of the time since the first job: a doorbell that got lost again is rung again after as long
 * as its job has been due.
 */
const DRAIN_MS = 60_000;
/** A hub is told within three tries in 2 s, so this long before a kill an end may be known to the database only. */
const UNTOLD_MS = 3_000;
const seed = `FAULT_SEED=${faultSeed} FAULT_ROUNDS=${faultRounds}`;

let provider: Provider;
let server: MortalServer;
let load: CrashLoad;
let listeners: LastingListener[];
let rows: JobRow[];
let kept: MoveEvent[];
let lonely: JobOnWire;
let startedAt: number;
const planned = new Map<string, Planned>();
const byId = new Map<string, JobRow>();
const problems: string[] = [];

beforeAll(
  async () => {
    provider = await startProvider();
    server = new MortalServer(provider, TIMING);
    const plan = new CrashPlan(new Random(faultSeed));
    const moments = new Random(faultSeed + 1);
    load = new CrashLoad(server, plan, new Random(faultSeed + 2));
    listeners = CHANNELS.map((channel) => new LastingListener(channel, server.listen));
    await server.start();
    startedAt = performance.now();
    lonely = await submitAndKill();
    load.start();
    for (let round = 1; round <= faultRounds; round++) {
      await untilRandomMoment(moments);
      await server.kill();
      await server.start();
    }
    await load.untilAccepted(LEAST_JOBS);
    await load.finish();
    await untilAllEnded();
    await readAnswers(plan);
    for (const listener of listeners) await listener.stop();
    await server.stop();
    rows = readJobs(server);
    kept = readKeptEvents(server.state.folder);
    for (const row of rows) byId.set(row.id, row);
    for (const job of [...plan.jobs, LONELY]) planned.set(job.marker, job);
    report();
  },
  120_000 + faultRounds * 40_000,
);

afterAll(async () => {
  await server?.stop();
  await provider?.stop();
  server?.state.remove();
});

const LONELY: Planned = {
  ...{ marker: "lonely", kind: "plain", state: "completed", attempts: 1, cancel: false },
  body: generate("local/ok", { metadata: { marker: "lonely" } }),
  problem: () => undefined,
};

/** The very first job, with the kill right behind its 202, and how it stands when all should have ended. */
async function submitAndKill(): Promise<JobOnWire> {
  const { id } = await (await server.up).submit(LONELY.body);
  await server.kill();
  await server.start();
  await untilAllEnded();
  return (await server.up).get(`/v1/jobs/${id}`);
}

/** Counted, not timed, so that a slow machine is killed in the middle of work too; then somewhere within a few statements. */
async function untilRandomMoment(random: Random): Promise<void> {
  const share = Math.ceil(LEAST_JOBS / (Math.min(faultRounds, 10) + 1));
  const count = random.between(Math.ceil(share * 0.75), Math.ceil(share * 1.25));
  const calls = provider.requests.length + count;
  if (random.chance(0.5)) await load.untilAccepted(load.accepted.size + count);
  else await provider.until((requests) => requests.length >= calls);
  await new Promise((resolve) => setTimeout(resolve, random.between(0, 60)));
}

/** Nobody helps: the clock finds what the crashes left. */
async function untilAllEnded(): Promise<void> {
  const service = await server.up;
  const noneIn = async (state: string) => {
    const { data } = await service.get<{ data: object[] }>(`/v1/jobs?state=${state}&limit=10`);
    expect(data, seed).toEqual([]);
  };
  // Three looks, because a job may go from the one state to the other between two.
  const ended = async () => {
    for (const state of ["pending", "running", "pending"]) await noneIn(state);
  };
  // Told by a test further down, so that the others still say what else is wrong.
  const tell = (error: Error) => void problems.push(`not all jobs ended: ${error.message}`);
  const timeout = DRAIN_MS + performance.now() - startedAt;
  await vi.waitFor(ended, { timeout, interval: 250 }).catch(tell);
}

/** Asks for every accepted job, as its owner would. */
async function readAnswers(plan: CrashPlan): Promise<void> {
  const service = await server.up;
  const ids = [...load.accepted];
  const reader = async () => {
    for (let next = ids.pop(); next; next = ids.pop()) {
      const [id, job] = next;
      const answer = await service.call<JobOnWire>("GET", `/v1/jobs/${id}`);
      const problem =
        answer.status === 200 ? problemOf(job, answer.body, load.stopped.get(id)) : `GET: ${answer.status}`;
      if (problem) problems.push(`${job.kind} ${job.marker} ${id}: ${problem}`);
      const input =
        job.kind === "largeInput" ? await service.get<object>(`/v1/jobs/${id}/input`) : job.body.input;
      if (JSON.stringify(input) !== JSON.stringify(job.body.input)) problems.push(`${id}: its input changed`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, reader));
  if (plan.jobs.length < LEAST_JOBS) problems.push(`only ${plan.jobs.length} jobs were planned`);
}

function report(): void {
  const dead = server.kills.map(({ running, open }) => `${running.size}/${open.size}`).join(" ");
  const objects = readObjectKeys(server.state.folder).filter((key) => !byId.has(key.split("/")[1] ?? ""));
  const figures = {
    ...{ kills: server.kills.length, accepted: load.accepted.size, stored: rows.length },
    ...{ unknown: load.unknown.length, repeated: load.repeated, calls: provider.requests.length },
    "objects that no job names": objects.length,
    ...{ "running/open at kills": dead, cancelled: rows.filter(({ state }) => state === "cancelled").length },
  };
  console.info(`${seed}: ${JSON.stringify(figures)}`);
  for (const line of server.remarks) console.info(line);
}

const plannedOf = (row: JobRow) => planned.get(row.marker) as Planned;
const keptOf = (name: string) => kept.filter(({ channel }) => channel === name);

it("a job whose server dies right after the 202 completes in the next life, with nobody's help", () => {
  expect(lonely, seed).toMatchObject({ state: "completed", attempt: 1 });
});

it("no accepted job is lost, and each ends as it would have without the crashes, its output whole", () => {
  expect(load.accepted.size, seed).toBeGreaterThanOrEqual(LEAST_JOBS);
  expect(problems, seed).toEqual([]);
  expect(load.oddities, seed).toEqual([]);
});

it("a request that was repeated made its jobs once, and one that nobody saw answered made all of its jobs or none", () => {
  const markers = rows.map(({ marker }) => marker);
  expect(new Set(markers).size, seed).toBe(markers.length);
  expect(findHalves(load, new Set(markers)), seed).toEqual([]);
});

it("every job is settled once: its runs, attempts and version add up to one end", () => {
  const wrong = rows.flatMap((row) => {
    const problem = problemOfRow(row, plannedOf(row), deadRuns(server, row.id));
    return problem ? [`${plannedOf(row).kind} ${row.id}: ${problem}`] : [];
  });
  expect(wrong, seed).toEqual([]);
});

it("a listener that comes back with its cursor hears everything that its hub keeps, and nothing twice", () => {
  const lapses = listeners.flatMap(({ channel, events }) => findLapses(events, keptOf(channel)));
  expect(lapses, seed).toEqual([]);
  expect(listeners.filter(({ channel }) => keptOf(channel).length === 0)).toEqual([]);
});

it("events tell of one end of each job, and of nothing after it", () => {
  const heard = listeners.flatMap(({ events }) => events).filter((event) => "state" in event);
  expect(findContradictions(heard, byId), seed).toEqual([]);
  expect(findContradictions(kept, byId), seed).toEqual([]);
});

it("an end that no event told was written in the last moments before a kill", () => {
  const told = new Set(kept.filter(isEnd).map((event) => event.job_id));
  const untold = rows.filter(({ id, finished_at }) => finished_at !== null && !told.has(id));
  const early = untold.filter(({ finished_at }) => {
    const ago = server.kills.map(({ at }) => at - (finished_at ?? 0)).filter((ms) => ms >= 0);
    return Math.min(...ago) > UNTOLD_MS;
  });
  console.info(`${untold.length} ends were told by no event`);
  expect(
    early.map(({ id }) => id),
    seed,
  ).toEqual([]);
});

it("a kill costs at most one model call for each job that was running then, and none for any other", () => {
  const calls = countCalls(provider.requests);
  const most = (row: JobRow) => plannedOf(row).attempts + deadRuns(server, row.id);
  const over = rows.filter((row) => (calls.get(row.id) ?? 0) > most(row));
  expect(
    over.map(({ id }) => id),
    seed,
  ).toEqual([]);
  expect(
    [...calls.keys()].filter((id) => !byId.has(id)),
    seed,
  ).toEqual([]);
  const bound = rows.reduce((sum, row) => sum + most(row), 0);
  expect(provider.requests.length, seed).toBeLessThanOrEqual(bound);
});

it("every model call that was open at a kill belongs to a job that the database had as running", () => {
  const unowned = server.kills.flatMap(({ running, open }) => [...open].filter((id) => !running.has(id)));
  // The provider may notice a moment late that the call of a cancelled job was closed.
  expect(
    unowned.filter((id) => byId.get(id)?.cancel_requested_at === null),
    seed,
  ).toEqual([]);
});

// A hundred listeners of one channel, while `kill -9` hits the server, or the runtime under it, again and again.

import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { MoveEvent } from "../../src/core/events";
import { killWorkerd, readKeptEvents } from "../support/crash.mjs";
import { LastingListener } from "../support/lasting-listener";
import { MortalServer } from "../support/mortal-server";
import { type Provider, startProvider } from "../support/provider-server.mjs";
import { generate } from "../support/service";

const LISTENERS = 100;
/** Ends that are heard between two kills. */
const ENDS = 20;
const CLIENTS = 4;
const CHANNEL = "crowd";
// A job whose run was killed goes on after its lease.
const TIMING = { lease_s: 3, ring_check_s: 2, clock_pass_s: 1, max_crashes: 100 };
const PATIENT = { timeout: 40_000, interval: 50 };

let provider: Provider;
let server: MortalServer;
let listeners: LastingListener[];
let kept: MoveEvent[];
let isOver = false;

const nameOf = ({ type, job_id, version }: MoveEvent) => `${type} ${version} of ${job_id}`;

beforeAll(async () => {
  provider = await startProvider();
  server = new MortalServer(provider, TIMING);
  await server.start();
  listeners = Array.from({ length: LISTENERS }, () => new LastingListener(CHANNEL, server.listen));
  await untilAll(({ frames }) => frames.length > 0);
  const clients = Array.from({ length: CLIENTS }, submitAgainAndAgain);
  for (const kill of KILLS) {
    await untilEnds(ENDS);
    await kill();
  }
  await untilEnds(ENDS);
  isOver = true;
  await Promise.all(clients);
  await untilAllHaveHeardAll();
  await Promise.all(listeners.map((listener) => listener.stop()));
  await server.stop();
  kept = readKeptEvents(server.state.folder);
});

afterAll(async () => {
  await server?.stop();
  await provider?.stop();
  server?.state.remove();
});

async function killServer(): Promise<void> {
  await server.kill();
  await server.start();
}

/** Wrangler starts it again; every socket is gone with it. */
async function killRuntime(): Promise<void> {
  const connections = listeners.map((listener) => listener.connections.length);
  expect(killWorkerd(server.pid)).toBe(1);
  await vi.waitFor(
    () => expect(listeners.every((one, i) => one.connections.length > (connections[i] ?? 0))).toBe(true),
    PATIENT,
  );
}

const KILLS = [killRuntime, killServer, killRuntime];

/** One job after the other, whoever is there to take them. */
async function submitAgainAndAgain(): Promise<void> {
  while (!isOver) {
    const service = await server.up;
    const job = generate("local/echo@100", { channel: CHANNEL });
    // Not repeated: what counts is what the hub was told.
    await service.post("/v1/jobs", job, { prefer: "wait=2" }).catch(() => undefined);
  }
}

const untilAll = (isSo: (listener: LastingListener) => boolean) =>
  vi.waitFor(() => expect(listeners.filter((listener) => !isSo(listener))).toHaveLength(0), PATIENT);

/** So many ends more have been heard by the first listener. */
async function untilEnds(count: number): Promise<void> {
  const ends = () => listeners[0]?.kept.filter(({ type }) => type === "job.completed").length ?? 0;
  const before = ends();
  await vi.waitFor(() => expect(ends()).toBeGreaterThanOrEqual(before + count), PATIENT);
}

/** Nothing is under way, and the end of one job more has come to everybody. */
async function untilAllHaveHeardAll(): Promise<void> {
  const service = await server.up;
  const idle = async () => {
    for (const state of ["pending", "running", "pending"])
      expect((await service.get<{ data: object[] }>(`/v1/jobs?state=${state}&limit=1`)).data).toEqual([]);
  };
  await vi.waitFor(idle, PATIENT);
  const last = await service.submit(generate("local/ok", { channel: CHANNEL }));
  await untilAll(({ kept }) => kept.at(-1)?.job_id === last.id && kept.at(-1)?.type === "job.completed");
}

it("every listener hears every event that the hub keeps, once and in its order", () => {
  const told = kept.map(nameOf);
  expect(told.length).toBeGreaterThan(2 * ENDS * KILLS.length);
  const wrong = listeners.filter((listener) => {
    const heard = (listener.kept as MoveEvent[]).map(nameOf);
    return JSON.stringify(heard) !== JSON.stringify(told);
  });
  expect(wrong).toHaveLength(0);
});

it("of no job an older version is told after a newer one", () => {
  const newest = new Map<string, number>();
  for (const { job_id, version } of kept) {
    expect(version).toBeGreaterThanOrEqual(newest.get(job_id) ?? 1);
    newest.set(job_id, version);
  }
});

it("every connection begins with the snapshot, and none with a reset", () => {
  const first = listeners.flatMap(({ connections }) => connections.map(([frame]) => frame?.type));
  expect(first.length).toBeGreaterThanOrEqual(LISTENERS * (KILLS.length + 1));
  expect(new Set(first)).toEqual(new Set(["snapshot"]));
});

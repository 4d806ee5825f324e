// A hundred listeners of one channel, whose hub sleeps and dies while jobs run.

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { JobOnWire } from "../../src/contract/job";
import type { JobEvent } from "../../src/core/events";
import { hubName } from "../../src/core/hubs";
import type { EventHub } from "../../src/durable/event-hub";
import { PROJECT } from "../support/factory";
import { call, generate, open } from "../support/http-client";
import { Inbox, shortName } from "../support/inbox";
import { LastingListener } from "../support/lasting-listener";

const LISTENERS = 100;
/** Of them: those that are away until another has been told more than they have. */
const LATE = 50;
const ROUNDS = 6;
const JOBS = 5;
const PATIENT = { timeout: 20_000, interval: 25 };

let channel = "";
let channels = 0;
let listeners: LastingListener[] = [];
const hub = () => env.EVENT_HUB.getByName(hubName(PROJECT, channel, ""));

beforeEach(async () => {
  channel = `crowd-${++channels}`;
  listeners = Array.from(
    { length: LISTENERS },
    (_, i) => new LastingListener(channel, i < LATE ? connectLate : connect),
  );
  await untilAll(({ frames }) => frames.length > 0);
});

afterEach(async () => {
  await Promise.all(listeners.map((listener) => listener.stop()));
});

async function connect(name: string, since: string | undefined): Promise<Inbox> {
  const path = `/v1/events?channel=${name}${since === undefined ? "" : `&since=${since}`}`;
  const { webSocket: socket } = await open("GET", path, { headers: { upgrade: "websocket" } });
  if (!socket) throw new Error("The hub is away.");
  const over = Promise.withResolvers<void>();
  for (const end of ["close", "error"] as const) socket.addEventListener(end, () => over.resolve());
  const inbox = new Inbox(() => socket.close(1000, "bye"), over.promise);
  socket.addEventListener("message", ({ data }) => inbox.take(String(data)));
  socket.accept();
  await inbox.until((frames) => frames[0]);
  return inbox;
}

async function connectLate(name: string, since: string | undefined): Promise<Inbox> {
  const newest = () => listeners.at(-1)?.frames.at(-1)?.cursor;
  if (since !== undefined) await vi.waitFor(() => expect(newest()).not.toBe(since), PATIENT);
  return connect(name, since);
}

const untilAll = (isSo: (listener: LastingListener) => boolean) =>
  vi.waitFor(() => expect(listeners.filter((listener) => !isSo(listener))).toHaveLength(0), PATIENT);

async function submitSome(): Promise<JobOnWire[]> {
  const jobs = Array.from({ length: JOBS }, () => generate({ channel }, "sandbox/chat!tokens=3,tps=50"));
  return (await call<{ data: JobOnWire[] }>("POST", "/v1/jobs/bulk", { json: { jobs } })).body.data;
}

const completed = (listener: LastingListener, { id }: JobOnWire) =>
  listener.kept.some((event) => event.job_id === id && event.type === "job.completed");

/** What the hub keeps, in its order. */
const ring = () =>
  runInDurableObject<EventHub, JobEvent[]>(hub(), (_, state) =>
    state.storage.sql
      .exec<{ events: string }>("SELECT events FROM ring ORDER BY seq")
      .toArray()
      .flatMap(({ events }) => JSON.parse(events) as JobEvent[]),
  );

const socketsOfHub = () =>
  runInDurableObject<EventHub, number>(hub(), (_, state) => state.getWebSockets().length);

const nameOf = ({ type, job_id, version }: Pick<JobEvent, "type" | "job_id" | "version">) =>
  `${type} ${version} of ${job_id}`;

/** Each heard all that is kept, once and in order, and of each job, by its versions, what there is to tell. */
async function expectAllHeard(jobs: JobOnWire[]): Promise<void> {
  const told = (await ring()).map(nameOf);
  for (const listener of listeners) {
    expect(listener.kept.map(nameOf)).toEqual(told);
    expect(listener.frames.filter(({ type }) => type === "reset")).toEqual([]);
    expect(listener.connections.every(([first]) => first?.type === "snapshot")).toBe(true);
  }
  for (const { id } of jobs) {
    const story = new Map(
      listeners[0]?.kept
        .filter((event) => event.job_id === id)
        .map((event) => [event.version, shortName(event)]),
    );
    expect([...story]).toEqual([
      [1, "submitted"],
      [3, "completed"],
    ]);
  }
}

describe("a hundred listeners of a hub that dies", () => {
  it("come back by their cursors and hear every event that is kept, once and in order", async () => {
    const jobs: JobOnWire[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const some = await submitSome();
      jobs.push(...some);
      // While some of them run, when all have come back and have been told the end of one.
      await vi.waitFor(
        () => expect(some.some((job) => listeners.every((one) => completed(one, job)))).toBe(true),
        PATIENT,
      );
      await runInDurableObject(hub(), (_, state) => state.abort("killed by a test")).catch(() => {});
    }
    jobs.push(...(await submitSome()));
    await untilAll((listener) => jobs.every((job) => completed(listener, job)));
    await expectAllHeard(jobs);
    for (const { connections } of listeners) expect(connections).toHaveLength(ROUNDS + 1);
  }, 60_000);
});

describe("a hundred listeners of a hub that sleeps", () => {
  it("keep their sockets, however often it is put to sleep, and miss nothing", async () => {
    const jobs: JobOnWire[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      jobs.push(...(await submitSome()));
      await evictDurableObject(hub());
      expect(await socketsOfHub()).toBe(LISTENERS);
    }
    await untilAll((listener) => jobs.every((job) => completed(listener, job)));
    await expectAllHeard(jobs);
    for (const { connections } of listeners) expect(connections).toHaveLength(1);
  }, 60_000);

  it("do not keep it awake: it sets neither a timer nor an alarm for them", async () => {
    const [job] = await submitSome();
    if (!job) throw new Error("nothing was taken in");
    await untilAll((listener) => completed(listener, job));
    const event: JobEvent = { ...(await ring())[0] } as JobEvent;
    await runInDurableObject<EventHub, void>(hub(), async (instance, state) => {
      const timers = [vi.spyOn(globalThis, "setTimeout"), vi.spyOn(globalThis, "setInterval")];
      await instance.publish([event]);
      for (const timer of timers) expect(timer).not.toHaveBeenCalled();
      vi.restoreAllMocks();
      expect(await state.storage.getAlarm()).toBeNull();
    });
  });
});

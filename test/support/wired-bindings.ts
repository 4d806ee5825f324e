// All bindings of a process behind its wire: D1, R2, queues, hubs, clock, gates and the provider's fetch.

import { env } from "cloudflare:workers";
import type { JobEvent } from "../../src/core/events";
import type { Deps } from "../../src/deps";
import type { Gatekeeper } from "../../src/durable/gatekeeper";
import type { Doorbell } from "../../src/env";
import type { Fetch } from "../../src/llm/fetch";
import type { Wire } from "./fault-wire";
import { aroundCalls } from "./faulty-db";

/** What arrives at the other side of the wire. */
export type Mail = {
  rung: Doorbell[];
  told: { process: string; event: JobEvent }[];
  armed: { process: string; inMs: number | null }[];
};

/** The gates of a world, by their pools. */
export type Keepers = { ask<T>(pool: string, act: (keeper: Gatekeeper) => Promise<T>): Promise<T> };

export function wiredBindings(process: string, wire: Wire, mail: Mail, keepers: Keepers, provider: Fetch) {
  return {
    db: wiredDb(wire),
    bucket: wiredBucket(wire),
    jobsQueue: wiredQueue(wire, mail, "jobs"),
    bulkQueue: wiredQueue(wire, mail, "bulk"),
    hubs: wiredHubs(process, wire, mail),
    clock: wiredClock(process, wire, mail),
    gates: wiredGates(wire, keepers),
    fetch: wiredFetch(wire, provider),
  };
}

function wiredDb(wire: Wire): D1Database {
  return aroundCalls(env.DB, ({ sqls, send }) => wire.pass("d1", sqls.map(shorten).join("; "), send));
}

const shorten = (sql: string) => sql.replace(/\s+/g, " ").slice(0, 60);

function wiredBucket(wire: Wire): R2Bucket {
  const wired = (name: string, target: object, method: (...args: unknown[]) => Promise<unknown>) => {
    return (...args: unknown[]) =>
      wire.pass("r2", `${name} ${JSON.stringify(args[0] ?? null)?.slice(0, 60)}`, async () => {
        const answer = await method.apply(target, args);
        return name === "get" && answer ? wiredBody(wire, answer as R2ObjectBody) : answer;
      });
  };
  return new Proxy(env.BUCKET, {
    get: (target, name) => wired(String(name), target, Reflect.get(target, name)),
  });
}

/** Only what is read of it. */
function wiredBody(wire: Wire, object: R2ObjectBody): R2ObjectBody {
  return {
    customMetadata: object.customMetadata,
    body: object.body,
    arrayBuffer: () => wire.pass("r2", "read", () => object.arrayBuffer()),
  } as unknown as R2ObjectBody;
}

function wiredQueue(wire: Wire, { rung }: Mail, lane: string): Queue<Doorbell> {
  const queue = {
    sendBatch: (messages: MessageSendRequest<Doorbell>[]) =>
      wire.pass("queue", `${lane} sendBatch`, async () => {
        rung.push(...messages.map(({ body }) => body));
      }),
    send: (body: Doorbell) =>
      wire.pass("queue", `${lane} send`, async () => {
        rung.push(body);
      }),
    metrics: () => wire.pass("queue", `${lane} metrics`, async () => ({ backlogCount: 0, backlogBytes: 0 })),
  };
  return queue as unknown as Queue<Doorbell>;
}

function wiredHubs(process: string, wire: Wire, { told }: Mail): Deps["hubs"] {
  const hubs = {
    getByName: (name: string) => ({
      publish: (events: JobEvent[]) =>
        wire.pass("hub", `publish ${events.map(({ type }) => type)}`, async () => {
          told.push(...structuredClone(events).map((event) => ({ process, event })));
          await env.EVENT_HUB.getByName(name).publish(events);
        }),
      forget: (ids: string[]) =>
        wire.pass("hub", "forget", async () => env.EVENT_HUB.getByName(name).forget(ids)),
    }),
  };
  return hubs as unknown as Deps["hubs"];
}

/** A clock that looks when the test says so, and writes down who asked. */
function wiredClock(process: string, wire: Wire, { armed }: Mail): Deps["clock"] {
  const ask = (name: string, inMs: number | null) =>
    wire.pass("clock", name, async () => {
      armed.push({ process, inMs });
      return 120_000;
    });
  const clock = {
    arm: () => ask("arm", null),
    armFor: (inMs: number) => ask("armFor", inMs),
    wake: () => ask("wake", 0),
  };
  return { getByName: () => clock } as unknown as Deps["clock"];
}

function wiredGates(wire: Wire, keepers: Keepers): Deps["gates"] {
  const call = (name: "ask" | "take" | "tell" | "nudge") => {
    return (pool: string, ...args: unknown[]) =>
      wire.pass("gate", name, () =>
        keepers.ask(pool, (keeper) => {
          const method = keeper[name] as (...args: unknown[]) => Promise<unknown>;
          return method.apply(keeper, structuredClone(args));
        }),
      );
  };
  const gate = { ask: call("ask"), take: call("take"), tell: call("tell"), nudge: call("nudge") };
  return { getByName: () => gate } as unknown as Deps["gates"];
}

/** As fetch does, it ends when its signal says so, also while the answer is read. */
function wiredFetch(wire: Wire, provider: Fetch): Fetch {
  return async (url, init) => {
    const call = wire.pass("model", "call", () => Promise.resolve(provider(url, init)));
    const response = await unlessAborted(call, init?.signal);
    if (!response.body) return response;
    const reader = response.body.getReader();
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        try {
          const read = wire.pass("model", "read", () => reader.read());
          const { done, value } = await unlessAborted(read, init?.signal);
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          controller.error(error);
        }
      },
    });
    return new Response(body, response);
  };
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (!signal) return promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => {});
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
    promise.catch(() => {});
  }
}

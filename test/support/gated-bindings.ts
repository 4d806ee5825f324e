// All bindings of a process behind its gate: D1, R2, queues, hubs, clock and the provider's fetch.

import { env } from "cloudflare:workers";
import type { JobEvent } from "../../src/core/events";
import type { Deps } from "../../src/deps";
import type { Doorbell } from "../../src/env";
import type { Fetch } from "../../src/llm/fetch";
import type { Gate } from "./fault-gate";
import { aroundCalls } from "./faulty-db";

/** What arrives at the other side of the gate. */
export type Mail = {
  rung: Doorbell[];
  told: { process: string; event: JobEvent }[];
  armed: { process: string; inMs: number | null }[];
};

export function gatedBindings(process: string, gate: Gate, mail: Mail, provider: Fetch) {
  return {
    db: gatedDb(gate),
    bucket: gatedBucket(gate),
    jobsQueue: gatedQueue(gate, mail, "jobs"),
    bulkQueue: gatedQueue(gate, mail, "bulk"),
    hubs: gatedHubs(process, gate, mail),
    clock: gatedClock(process, gate, mail),
    fetch: gatedFetch(gate, provider),
  };
}

function gatedDb(gate: Gate): D1Database {
  return aroundCalls(env.DB, ({ sqls, send }) => gate.pass("d1", sqls.map(shorten).join("; "), send));
}

const shorten = (sql: string) => sql.replace(/\s+/g, " ").slice(0, 60);

function gatedBucket(gate: Gate): R2Bucket {
  const gated = (name: string, target: object, method: (...args: unknown[]) => Promise<unknown>) => {
    return (...args: unknown[]) =>
      gate.pass("r2", `${name} ${JSON.stringify(args[0] ?? null)?.slice(0, 60)}`, async () => {
        const answer = await method.apply(target, args);
        return name === "get" && answer ? gatedBody(gate, answer as R2ObjectBody) : answer;
      });
  };
  return new Proxy(env.BUCKET, {
    get: (target, name) => gated(String(name), target, Reflect.get(target, name)),
  });
}

/** Only what is read of it. */
function gatedBody(gate: Gate, object: R2ObjectBody): R2ObjectBody {
  return {
    customMetadata: object.customMetadata,
    body: object.body,
    arrayBuffer: () => gate.pass("r2", "read", () => object.arrayBuffer()),
  } as unknown as R2ObjectBody;
}

function gatedQueue(gate: Gate, { rung }: Mail, lane: string): Queue<Doorbell> {
  const queue = {
    sendBatch: (messages: MessageSendRequest<Doorbell>[]) =>
      gate.pass("queue", `${lane} sendBatch`, async () => {
        rung.push(...messages.map(({ body }) => body));
      }),
    send: (body: Doorbell) =>
      gate.pass("queue", `${lane} send`, async () => {
        rung.push(body);
      }),
    metrics: () => gate.pass("queue", `${lane} metrics`, async () => ({ backlogCount: 0, backlogBytes: 0 })),
  };
  return queue as unknown as Queue<Doorbell>;
}

function gatedHubs(process: string, gate: Gate, { told }: Mail): Deps["hubs"] {
  const hubs = {
    getByName: (name: string) => ({
      publish: (events: JobEvent[]) =>
        gate.pass("hub", `publish ${events.map(({ type }) => type)}`, async () => {
          told.push(...structuredClone(events).map((event) => ({ process, event })));
          await env.EVENT_HUB.getByName(name).publish(events);
        }),
      forget: (ids: string[]) =>
        gate.pass("hub", "forget", async () => env.EVENT_HUB.getByName(name).forget(ids)),
    }),
  };
  return hubs as unknown as Deps["hubs"];
}

/** A clock that looks when the test says so, and writes down who asked. */
function gatedClock(process: string, gate: Gate, { armed }: Mail): Deps["clock"] {
  const ask = (name: string, inMs: number | null) =>
    gate.pass("clock", name, async () => {
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

/** As fetch does, it ends when its signal says so, also while the answer is read. */
function gatedFetch(gate: Gate, provider: Fetch): Fetch {
  return async (url, init) => {
    const call = gate.pass("model", "call", () => Promise.resolve(provider(url, init)));
    const response = await unlessAborted(call, init?.signal);
    if (!response.body) return response;
    const reader = response.body.getReader();
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        try {
          const read = gate.pass("model", "read", () => reader.read());
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

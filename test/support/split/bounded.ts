// The whole of Errand on a database with D1's size limit.

import { Clock as RealClock } from "../../../src/durable/clock";
import { EventHub as RealEventHub } from "../../../src/durable/event-hub";
import { Gate as RealGate } from "../../../src/durable/gate";
import type { Doorbell, Env } from "../../../src/env";
import worker from "../../../src/worker";
import { boundDb, MAX_BYTES } from "./bounded-db";

export { JobLog } from "../../../src/durable/job-log";
export { StreamLog } from "../../../src/durable/stream-log";

// One for each environment: the code under test remembers things by the identity of both.
const bounded = new WeakMap<Env, Env>();

function bound(env: Env): Env {
  const known = bounded.get(env) ?? { ...env, DB: boundDb(env.DB) };
  bounded.set(env, known);
  return known;
}

export class Clock extends RealClock {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, bound(env));
  }
}

export class EventHub extends RealEventHub {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, bound(env));
  }
}

export class Gate extends RealGate {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, bound(env));
  }
}

/** So that a test can see that the limit is there: a value that is one byte too large. */
async function tryTooLarge(env: Env): Promise<Response> {
  const text = "ä".repeat(MAX_BYTES / 2);
  const ask = (value: string) => env.DB.prepare("SELECT length(?1) AS length").bind(value).first("length");
  const fits = await ask(text);
  const error = await ask(`${text}.`).catch(String);
  return Response.json({ fits, error });
}

export default {
  fetch: (request, env, ctx) =>
    new URL(request.url).pathname === "/too-large"
      ? tryTooLarge(bound(env))
      : worker.fetch(request, bound(env), ctx),
  queue: (batch, env, ctx) => worker.queue(batch, bound(env), ctx),
  scheduled: (controller, env, ctx) => worker.scheduled(controller, bound(env), ctx),
} satisfies ExportedHandler<Env, Doorbell>;

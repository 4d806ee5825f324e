// GET /v1/pools and GET /v1/jobs/{id}/explain: whose turn it is, and why not yet.

import { createRoute, z } from "@hono/zod-openapi";
import { listOf } from "../../contract/envelope";
import { explanationSchema, limitPoolSchema, type PoolOnWire, poolSchema } from "../../contract/pool";
import { AppError } from "../../core/errors";
import type { Deps } from "../../deps";
import { explain } from "../../engine/explain";
import { callGate } from "../../engine/gates";
import { listPools } from "../../engine/pool-of";
import { countLine } from "../../store/line";
import { findPausedPools } from "../../store/pauses";
import type { Caller } from "../caller";
import type { App } from "../context";
import { allow, rootOnly } from "../middleware/authenticate";
import { bearer, body, failures, json } from "../responses";
import { findJob } from "../show-job";

const shared = { tags: ["Gate"], security: bearer };

const listRoute = createRoute({
  ...shared,
  method: "get",
  path: "/v1/pools",
  summary: "List the pools that are limited",
  description:
    "A pool is a provider's key and model, or a task with limits of its own. One without limits has no gate.",
  middleware: allow({ scope: "jobs:read", token: null }),
  responses: { 200: json(listOf(poolSchema), "All of them, as they stand now."), ...failures },
});

const limitRoute = createRoute({
  ...shared,
  method: "patch",
  path: "/v1/pools/{pool}",
  summary: "Change the limits of a pool",
  description: "At once, and until they are changed again. The id of a pool holds a slash: send it as `%2F`.",
  middleware: rootOnly,
  request: { params: z.object({ pool: z.string() }), ...body(limitPoolSchema) },
  responses: { 200: json(poolSchema, "The pool."), ...failures },
});

const explainRoute = createRoute({
  ...shared,
  method: "get",
  path: "/v1/jobs/{id}/explain",
  summary: "Why is this job not running?",
  middleware: allow({ scope: "jobs:read", token: "read" }),
  request: { params: z.object({ id: z.string() }) },
  responses: { 200: json(explanationSchema, "What it waits for, and for how long."), ...failures },
});

export function poolRoutes(app: App): void {
  app.openapi(listRoute, async (c) => {
    const { deps, caller } = c.var;
    const pools = listPools(deps.config.catalogue);
    const paused = await findPausedPools(deps.db);
    const data = await Promise.all(pools.map((pool) => showPool(deps, caller, pool, paused)));
    return c.json({ object: "list" as const, data }, 200);
  });

  app.openapi(limitRoute, async (c) => {
    const { deps, caller } = c.var;
    const { pool } = c.req.valid("param");
    if (!listPools(deps.config.catalogue).includes(pool)) throw unknownPool(deps);
    const limits = c.req.valid("json");
    const done = await callGate(deps, pool, async (gate) => {
      await gate.limit(pool, limits);
      return true;
    });
    if (done === null) throw away(pool);
    return c.json(await showPool(deps, caller, pool, await findPausedPools(deps.db)), 200);
  });

  app.openapi(explainRoute, async (c) => {
    const { deps, caller } = c.var;
    const job = await findJob(deps, caller, c.req.valid("param").id);
    const { etaMs, ...told } = await explain(deps, job);
    const at = (ms: number) => new Date(Math.min(job.readAt + ms, LAST_INSTANT_MS)).toISOString();
    return c.json(
      {
        object: "explanation" as const,
        job_id: job.id,
        state: job.state,
        ...told,
        pool: job.pool,
        eta: etaMs && { earliest: at(etaMs.earliest), latest: at(etaMs.latest) },
        waiting_since:
          job.state === "pending" ? new Date(Math.min(job.runAt, job.readAt)).toISOString() : null,
      },
      200,
    );
  });
}

/** The last that ISO 8601 writes with four digits for the year. */
const LAST_INSTANT_MS = 253_402_300_799_999;

async function showPool(deps: Deps, caller: Caller, pool: string, paused: Set<string>): Promise<PoolOnWire> {
  const [view, line] = await Promise.all([
    callGate(deps, pool, (gate) => gate.view(pool)),
    countLine(deps.db, pool, null),
  ]);
  if (view === null) throw away(pool);
  const seen = line.filter(({ projectId }) => caller.kind === "root" || projectId === caller.projectId);
  const waiting = seen.map(({ projectId, lane, jobs }) => ({ project: projectId, lane, jobs }));
  return { ...view, id: pool, object: "pool", waiting, paused: paused.has(pool) };
}

function unknownPool(deps: Deps): AppError {
  const known = listPools(deps.config.catalogue).join(", ");
  const message = known ? `No such pool. There are: ${known}.` : "No pool is limited in PROVIDERS.";
  return new AppError("not_found", { message });
}

function away(pool: string): AppError {
  const message = `The gate of ${pool} does not answer right now.`;
  return new AppError("store_unavailable", { message, retryAfterMs: 2_000 });
}

// GET /health: open and cheap for load balancers, detailed for those who hold a key.

import { createRoute, z } from "@hono/zod-openapi";
import { version } from "../../../package.json";
import { checkBriefly, checkHealth, type Health } from "../../engine/check-health";
import type { App, HttpContext } from "../context";
import { identify } from "../middleware/authenticate";
import { failures, json } from "../responses";

const checkSchema = z.object({
  ok: z.boolean(),
  reason: z.string().nullable(),
  backlog: z.number().optional(),
});

const healthSchema = z
  .object({
    status: z.enum(["ok", "degraded", "down"]).openapi({ description: "down: no job can be taken in." }),
    version: z.string(),
    checks: z.record(z.string(), checkSchema).optional().openapi({ description: "Only with a key." }),
  })
  .openapi("Health");

const getHealth = createRoute({
  method: "get",
  path: "/health",
  summary: "Is it well?",
  tags: ["Operations"],
  responses: { 200: json(healthSchema, "It works."), 503: json(healthSchema, "It is down."), ...failures },
});

type Checks = Partial<Health>;
type Remembered = { checks: Checks; until: number };

/** However often it is asked, the dependencies are asked once in this time by each isolate. */
const REMEMBER_MS = 10_000;
const remembered = new WeakMap<D1Database, { open?: Remembered; whole?: Remembered }>();

export function healthRoutes(app: App): void {
  app.openapi(getHealth, async (c) => {
    const withKey = await hasKey(c);
    const checks = await recall(c, withKey);
    const status = statusOf(checks);
    return c.json({ status, version, ...(withKey ? { checks } : {}) }, status === "down" ? 503 : 200);
  });
}

/** A key that is wrong is an error: somebody believes that it works. */
async function hasKey(c: HttpContext): Promise<boolean> {
  const key = /^Bearer +(\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
  if (!key) return false;
  return (await identify(c.var.deps, c.var.config, key)).kind !== "token";
}

async function recall(c: HttpContext, whole: boolean): Promise<Checks> {
  const { deps } = c.var;
  const memory = remembered.get(deps.db) ?? {};
  remembered.set(deps.db, memory);
  const slot = whole ? "whole" : "open";
  const known = memory[slot];
  if (known && known.until > deps.now()) return known.checks;
  // What is remembered is the answer, not the promise: that would die with the request that asked.
  const checks = await (whole ? checkHealth(deps) : checkBriefly(deps));
  memory[slot] = { checks, until: deps.now() + REMEMBER_MS };
  return checks;
}

function statusOf(checks: Checks): "ok" | "degraded" | "down" {
  if (checks.database?.ok === false) return "down";
  return Object.values(checks).every((check) => check.ok) ? "ok" : "degraded";
}

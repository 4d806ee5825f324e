// Before anything else: a request id, a checked configuration, a migrated database.

import { createMiddleware } from "hono/factory";
import { createDeps } from "../../deps";
import { type ApiConfig, type Env, readApiConfig } from "../../env";
import { checkMigrated } from "../../store/schema";
import type { HttpEnv } from "../context";

const configs = new WeakMap<Env, ApiConfig>();
const migrated = new WeakSet<D1Database>();

/** Every answer bears the id under which the log knows it. */
export const requestId = createMiddleware<HttpEnv>(async (c, next) => {
  const id = c.req.header("cf-ray") ?? crypto.randomUUID();
  c.set("requestId", id);
  await next();
  c.res.headers.set("x-request-id", id);
});

/** Throws `not_configured` or `not_migrated`, whatever the route, until both are mended. */
export const ready = createMiddleware<HttpEnv>(async (c, next) => {
  const config = configs.get(c.env) ?? readApiConfig(c.env);
  configs.set(c.env, config);
  c.set("config", config);
  if (!migrated.has(c.env.DB)) {
    await checkMigrated(c.env.DB);
    migrated.add(c.env.DB);
  }
  c.set("deps", createDeps(c.env, c.executionCtx));
  await next();
});

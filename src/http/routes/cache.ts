// POST /v1/cache/purge: answers are taken out of the cache.

import { createRoute } from "@hono/zod-openapi";
import { purgedSchema, purgeSchema } from "../../contract/cache";
import { purgeCache } from "../../engine/purge-cache";
import type { App } from "../context";
import { allow } from "../middleware/authenticate";
import { bearer, body, failures, json } from "../responses";

const purge = createRoute({
  method: "post",
  path: "/v1/cache/purge",
  summary: "Purge the cache by tags or scope",
  description:
    "From now on these answers are given to nobody. Jobs that have them keep them, and an answer that is being made is kept.",
  tags: ["Cache"],
  security: bearer,
  middleware: allow({ scope: "jobs:write", token: null }),
  request: body(purgeSchema),
  responses: { 200: json(purgedSchema, "How many were removed."), ...failures },
});

export function cacheRoutes(app: App): void {
  app.openapi(purge, async (c) => {
    const { tags, scope } = c.req.valid("json");
    const { purged, hasMore } = await purgeCache(c.var.deps, c.var.caller.projectId, { tags, scope });
    return c.json({ object: "purge" as const, purged, has_more: hasMore }, 200);
  });
}

// POST, GET /v1/pauses and DELETE /v1/pauses/{id}: nothing new starts for a while, of a project, a task or a pool.

import { createRoute, z } from "@hono/zod-openapi";
import { listOf } from "../../contract/envelope";
import { createPauseSchema, pauseSchema, presentPause } from "../../contract/pause";
import { AppError } from "../../core/errors";
import type { Pause } from "../../core/pause";
import { countCovered, pause, resume } from "../../engine/pause";
import { findPause, listPauses } from "../../store/pauses";
import { checkRoot } from "../caller";
import type { App, HttpContext } from "../context";
import { allow } from "../middleware/authenticate";
import { bearer, body, failures, json } from "../responses";

const shared = { tags: ["Pauses"], security: bearer };
const writing = allow({ scope: "jobs:write", token: null });

const createPause = createRoute({
  ...shared,
  method: "post",
  path: "/v1/pauses",
  summary: "Pause a project, a task or a pool",
  description:
    "What runs goes on, nothing new starts, and jobs are still taken. `{}` is your project as a whole, `{task}` a task in it. The root key may pause a pool, or a task everywhere.",
  middleware: writing,
  request: body(createPauseSchema),
  responses: {
    200: json(pauseSchema, "It was paused before: the same pause."),
    201: json(pauseSchema, "The pause."),
    ...failures,
  },
});

const readPauses = createRoute({
  ...shared,
  method: "get",
  path: "/v1/pauses",
  summary: "List pauses",
  middleware: allow({ scope: "jobs:read", token: null }),
  responses: {
    200: json(listOf(pauseSchema), "Those of your project and of the whole deployment."),
    ...failures,
  },
});

const deletePause = createRoute({
  ...shared,
  method: "delete",
  path: "/v1/pauses/{id}",
  summary: "Resume what was paused",
  description: "Jobs that have waited start at once, as far as nothing else holds them back.",
  middleware: writing,
  request: { params: z.object({ id: z.string() }) },
  responses: { 204: { description: "It goes on." }, ...failures },
});

export function pauseRoutes(app: App): void {
  app.openapi(createPause, async (c) => {
    const { deps, caller } = c.var;
    const { task, pool, everywhere } = c.req.valid("json");
    const isDeploymentWide = pool !== undefined || everywhere === true;
    if (isDeploymentWide) checkRoot(caller);
    const projectId = isDeploymentWide ? null : caller.projectId;
    const made = await pause(deps, { projectId, task, pool });
    const [shown] = await show(c, [made.pause]);
    if (!shown) throw new AppError("internal");
    return made.created ? c.json(shown, 201) : c.json(shown, 200);
  });

  app.openapi(readPauses, async (c) => {
    const found = await listPauses(c.var.deps.db, c.var.caller.projectId);
    return c.json({ object: "list" as const, data: await show(c, found) }, 200);
  });

  app.openapi(deletePause, async (c) => {
    const { deps, caller } = c.var;
    const found = await findPause(deps.db, caller.projectId, c.req.valid("param").id);
    if (!found) throw new AppError("not_found");
    if (found.projectId === null) checkRoot(caller);
    await resume(deps, found, caller.projectId);
    return c.body(null, 204);
  });
}

/** What runs in other projects is nobody's business but the operator's. */
async function show(c: HttpContext, pauses: Pause[]): Promise<z.infer<typeof pauseSchema>[]> {
  const { deps, caller } = c.var;
  const counts = await countCovered(deps, pauses, caller.kind === "root" ? null : caller.projectId);
  return pauses.map((one, i) => presentPause(one, counts[i] ?? null));
}

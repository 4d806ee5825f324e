// GET /v1/failures: why jobs have failed, by cause.

import { createRoute, z } from "@hono/zod-openapi";
import { listOf } from "../../contract/envelope";
import { fingerprintSchema } from "../../contract/operation";
import { LIMITS } from "../../core/limits";
import { COUNTED_FAILURES, type FailureGroup, groupFailures } from "../../store/failures";
import { errorOwner } from "../../store/sealed-job";
import type { App, HttpContext } from "../context";
import { allow } from "../middleware/authenticate";
import { bearer, failures, json } from "../responses";

const failureSchema = z
  .object({
    fingerprint: fingerprintSchema,
    object: z.literal("failure"),
    count: z.int().openapi({ description: "Failed jobs of this cause." }),
    task: z.string(),
    code: z.string(),
    message: z.string().openapi({ description: "Of the newest of them." }),
    newest_job: z.string(),
    oldest_job: z.string(),
    last_at: z.iso.datetime(),
  })
  .openapi("Failure");

const listFailures = createRoute({
  method: "get",
  path: "/v1/failures",
  summary: "List failures by cause, the most frequent first",
  description:
    `Of the newest ${COUNTED_FAILURES.toLocaleString("en")} failed jobs. See the jobs of one with ` +
    "`GET /v1/jobs?state=failed&fingerprint=…`, run them again with `POST /v1/jobs/retry`.",
  tags: ["Operations"],
  security: bearer,
  middleware: allow({ scope: "jobs:read", token: null }),
  request: {
    query: z.object({ limit: z.coerce.number().int().min(1).max(LIMITS.pageSize).default(20) }),
  },
  responses: { 200: json(listOf(failureSchema), "The causes."), ...failures },
});

export function failureRoutes(app: App): void {
  app.openapi(listFailures, async (c) => {
    const { deps, caller } = c.var;
    const groups = await groupFailures(deps.db, caller.projectId, c.req.valid("query").limit);
    const data = await Promise.all(groups.map((group) => show(c, group)));
    return c.json({ object: "list" as const, data }, 200);
  });
}

async function show(c: HttpContext, group: FailureGroup): Promise<z.infer<typeof failureSchema>> {
  const { newestJob: id, newestFollows: follows } = group;
  const owner = errorOwner({ projectId: c.var.caller.projectId, id, follows });
  return {
    fingerprint: group.fingerprint,
    object: "failure",
    count: group.count,
    task: group.task,
    code: group.error.code,
    message: await c.var.deps.vault.openText(owner, group.error.message),
    newest_job: id,
    oldest_job: group.oldestJob,
    last_at: new Date(group.lastAt).toISOString(),
  };
}

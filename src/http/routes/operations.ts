// POST /v1/jobs/{cancel,retry,erase} and GET /v1/operations/{id}: one thing done to many jobs.

import { createRoute, z } from "@hono/zod-openapi";
import {
  cancelJobsSchema,
  eraseJobsSchema,
  operationSchema,
  presentOperation,
  retryJobsSchema,
  toFilter,
} from "../../contract/operation";
import { AppError } from "../../core/errors";
import type { Operation } from "../../core/operation";
import { operate } from "../../engine/operate";
import { getOperation } from "../../store/operations";
import type { App, HttpContext } from "../context";
import { allow } from "../middleware/authenticate";
import { bearer, body, failures, json } from "../responses";

const changing = {
  method: "post" as const,
  tags: ["Operations"],
  security: bearer,
  middleware: allow({ scope: "jobs:write", token: null }),
  responses: {
    202: json(operationSchema, "What has been done so far. `Location` is its address; it goes on by itself."),
    ...failures,
  },
};

const HOW = "The first few hundred jobs are done before the answer, the rest in slices after it.";

const cancelJobs = createRoute({
  ...changing,
  path: "/v1/jobs/cancel",
  summary: "Cancel jobs by a filter",
  description: `Every open job that fits; \`{"filter": {}}\` is all of them. ${HOW}`,
  request: body(cancelJobsSchema),
});

const retryJobs = createRoute({
  ...changing,
  path: "/v1/jobs/retry",
  summary: "Run jobs again by a filter",
  description: `Every failed job that fits (or cancelled, if \`state\` says so), \`rate\` of them in a second. ${HOW}`,
  request: body(retryJobsSchema),
});

const eraseJobs = createRoute({
  ...changing,
  path: "/v1/jobs/erase",
  summary: "Erase jobs by channel or tag",
  description: `Nobody sees them any more; what runs is stopped first and removed then. ${HOW}`,
  request: body(eraseJobsSchema),
});

const readOperation = createRoute({
  method: "get",
  path: "/v1/operations/{id}",
  summary: "Get an operation",
  tags: ["Operations"],
  security: bearer,
  middleware: allow({ scope: "jobs:read", token: null }),
  request: { params: z.object({ id: z.string() }) },
  responses: { 200: json(operationSchema, "How far it is."), ...failures },
});

export function operationRoutes(app: App): void {
  app.openapi(cancelJobs, async (c) => {
    const filter = toFilter(c.req.valid("json").filter);
    return accepted(c, "cancel", { ...filter, state: filter.state ?? "open" });
  });

  app.openapi(retryJobs, async (c) => {
    const { filter: wanted, rate } = c.req.valid("json");
    const filter = toFilter(wanted);
    return accepted(c, "retry", { ...filter, state: filter.state ?? "failed" }, rate);
  });

  app.openapi(eraseJobs, async (c) => accepted(c, "erase", toFilter(c.req.valid("json").filter)));

  app.openapi(readOperation, async (c) => {
    const { deps, caller } = c.var;
    const operation = await getOperation(deps.db, caller.projectId, c.req.valid("param").id);
    if (!operation) throw new AppError("not_found");
    return c.json(presentOperation(operation), 200);
  });
}

async function accepted(
  c: HttpContext,
  action: Operation["action"],
  filter: Operation["filter"],
  rate: number | null = null,
) {
  const { deps, caller } = c.var;
  const { projectId } = caller;
  const operation = await operate(deps, { projectId, target: projectId, action, filter, rate });
  c.header("location", `/v1/operations/${operation.id}`);
  return c.json(presentOperation(operation), 202);
}

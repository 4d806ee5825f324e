// Cancel, retry, erase: what can be done to a job.

import { createRoute } from "@hono/zod-openapi";
import { jobSchema } from "../../contract/job";
import { presentJob } from "../../contract/present";
import { AppError } from "../../core/errors";
import { cancel } from "../../engine/cancel";
import { erase } from "../../engine/erase";
import { retry } from "../../engine/retry";
import type { App } from "../context";
import { allow } from "../middleware/authenticate";
import { bearer, failures, json } from "../responses";
import { findJob, showJob } from "../show-job";
import { jobParams } from "./jobs";

const cancelJob = createRoute({
  method: "post",
  path: "/v1/jobs/{id}/cancel",
  summary: "Cancel a job",
  description:
    "What waits ends at once. What runs ends within about a second and a half: the call to the provider is closed, text " +
    "and usage so far are kept. A job that has ended stays as it is.",
  tags: ["Jobs"],
  security: bearer,
  middleware: allow({ scope: "jobs:write", token: "submit" }),
  request: { params: jobParams },
  responses: { 200: json(jobSchema, "The job as it is now."), ...failures },
});

const retryJob = createRoute({
  method: "post",
  path: "/v1/jobs/{id}/retry",
  summary: "Run an ended job again",
  description:
    "A failed or cancelled job starts over. A completed one is submitted anew; `rerun_of` names the old one.",
  tags: ["Jobs"],
  security: bearer,
  middleware: allow({ scope: "jobs:write", token: null }),
  request: { params: jobParams },
  responses: { 202: json(jobSchema, "The job that will run. `Location` is its address."), ...failures },
});

const eraseJob = createRoute({
  method: "delete",
  path: "/v1/jobs/{id}",
  summary: "Erase a job",
  description: "Its row, and its input and outputs in storage. A running job must be cancelled first.",
  tags: ["Jobs"],
  security: bearer,
  middleware: allow({ scope: "jobs:write", token: null }),
  request: { params: jobParams },
  responses: { 204: { description: "It is gone." }, ...failures },
});

export function jobActionRoutes(app: App): void {
  app.openapi(cancelJob, async (c) => {
    const { deps, caller } = c.var;
    const { id } = await findJob(deps, caller, c.req.valid("param").id);
    const job = await cancel(deps, { projectId: caller.projectId, id });
    if (!job) throw new AppError("not_found");
    return c.json(await showJob(deps, caller, job), 200);
  });

  app.openapi(retryJob, async (c) => {
    const { deps, caller } = c.var;
    const old = await findJob(deps, caller, c.req.valid("param").id);
    const job = await retry(deps, { projectId: caller.projectId, id: old.id });
    c.header("location", `/v1/jobs/${job.id}`);
    const attempts = job.id === old.id ? old.attempts : [];
    return c.json({ ...presentJob(job, deps.now()), attempts }, 202);
  });

  app.openapi(eraseJob, async (c) => {
    const { deps, caller } = c.var;
    const { id } = await findJob(deps, caller, c.req.valid("param").id);
    await erase(deps, { projectId: caller.projectId, id });
    return c.body(null, 204);
  });
}

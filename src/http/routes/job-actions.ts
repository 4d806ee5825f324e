// Cancel, retry, erase: what can be done to a job.

import { createRoute, z } from "@hono/zod-openapi";
import { jobSchema } from "../../contract/job";
import type { Job } from "../../core/job";
import { isFinal } from "../../core/lifecycle";
import { cancelAll } from "../../engine/cancel";
import { erase } from "../../engine/erase";
import { retry } from "../../engine/retry";
import { openWholeJob } from "../../store/sealed-job";
import type { App } from "../context";
import { allow } from "../middleware/authenticate";
import { bearer, failures, json } from "../responses";
import { findJob, showJob, showWholeJob } from "../show-job";
import { jobParams } from "./jobs";

const cancelledJobSchema = jobSchema.extend({
  cancel: z.enum(["cancelled", "cancelling", "already_final"]).openapi({
    description:
      "`cancelled`: it has ended by this. `cancelling`: its run was asked to stop. `already_final`: it had ended before.",
  }),
});

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
  responses: {
    200: json(cancelledJobSchema, "The job as it is now, and what the call has done."),
    ...failures,
  },
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
  description:
    "From now on nobody sees it. Its row, its input and outputs in storage and its events are removed at once; of a running " +
    "job (202) once it has stopped.",
  tags: ["Jobs"],
  security: bearer,
  middleware: allow({ scope: "jobs:write", token: null }),
  request: { params: jobParams },
  responses: {
    202: { description: "It is being stopped, and removed then." },
    204: { description: "It is gone." },
    ...failures,
  },
});

export function jobActionRoutes(app: App): void {
  app.openapi(cancelJob, async (c) => {
    const { deps, caller } = c.var;
    const { id, projectId } = await findJob(deps, caller, c.req.valid("param").id);
    const [moved] = await cancelAll(deps, [{ projectId, id }]);
    const job = await findJob(deps, caller, id);
    const shown = await showWholeJob(deps, caller, job);
    return c.json({ ...shown, cancel: whatCancelDid(moved, job) }, 200);
  });

  app.openapi(retryJob, async (c) => {
    const { deps, caller } = c.var;
    const old = await findJob(deps, caller, c.req.valid("param").id);
    const job = await retry(deps, { projectId: caller.projectId, id: old.id });
    c.header("location", `/v1/jobs/${job.id}`);
    const attempts = job.id === old.id ? (await openWholeJob(deps.vault, old)).attempts : [];
    return c.json({ ...(await showJob(deps, job)), attempts }, 202);
  });

  app.openapi(eraseJob, async (c) => {
    const { deps, caller } = c.var;
    const { id } = await findJob(deps, caller, c.req.valid("param").id);
    const [running] = await erase(deps, [{ projectId: caller.projectId, id }]);
    return c.body(null, running ? 202 : 204);
  });
}

function whatCancelDid(moved: Job | undefined, job: Job) {
  if (moved?.state === "cancelled") return "cancelled" as const;
  return isFinal(job.state) ? ("already_final" as const) : ("cancelling" as const);
}

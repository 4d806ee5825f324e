// POST /v1/jobs and POST /v1/jobs/bulk: jobs come in.

import { createRoute, z } from "@hono/zod-openapi";
import { listOf } from "../../contract/envelope";
import { idempotencyKeySchema, jobSchema } from "../../contract/job";
import { bulkSchema, submitSchema } from "../../contract/submit";
import { AppError } from "../../core/errors";
import { isErased } from "../../core/job";
import { isFinal } from "../../core/lifecycle";
import { LIMITS } from "../../core/limits";
import { getJob } from "../../store/jobs";
import type { App } from "../context";
import { waitForEnd } from "../listen";
import { allow } from "../middleware/authenticate";
import { bearer, body, failures, json } from "../responses";
import { showJob, showWholeJob } from "../show-job";
import { submitAs } from "../submit-as";

export const idempotencyHeader = z.object({
  "idempotency-key": idempotencyKeySchema.optional().openapi({
    description: "The same key and body give the same job. The same key and another body: 409.",
  }),
});

const waitHeader = z.object({
  prefer: z
    .string()
    .optional()
    .openapi({
      description: `\`wait=N\`: answer when the job has ended, or after N seconds (at most ${LIMITS.waitS}).`,
      example: "wait=30",
    }),
});

const submitJob = createRoute({
  method: "post",
  path: "/v1/jobs",
  summary: "Submit a job",
  tags: ["Jobs"],
  security: bearer,
  middleware: allow({ scope: "jobs:write", token: "submit" }),
  request: { ...body(submitSchema), headers: idempotencyHeader.extend(waitHeader.shape) },
  responses: {
    200: json(jobSchema, "An equal request had made this job before, or it has ended within `Prefer: wait`."),
    202: json(jobSchema, "The job is stored and will run. `Location` is its address."),
    ...failures,
  },
});

const submitJobs = createRoute({
  method: "post",
  path: "/v1/jobs/bulk",
  summary: "Submit up to 1,000 jobs, all or none",
  tags: ["Jobs"],
  security: bearer,
  middleware: allow({ scope: "jobs:write", token: "submit" }),
  request: { ...body(bulkSchema), headers: idempotencyHeader },
  responses: {
    200: json(listOf(jobSchema), "An equal request had made these jobs before."),
    202: json(listOf(jobSchema), "The jobs, in the order of the request."),
    ...failures,
  },
});

export function submitRoutes(app: App): void {
  app.openapi(submitJob, async (c) => {
    const { deps } = c.var;
    const waitS = readWait(c.req.header("prefer"));
    const key = c.req.valid("header")["idempotency-key"];
    const request = { ...c.req.valid("json"), idempotency_key: key };
    const [submitted] = await submitAs(c, { jobs: [request] });
    if (!submitted)
      throw new AppError("not_found", { message: "The job of this idempotency key was erased just now." });
    const { job, created } = submitted;
    c.header("location", `/v1/jobs/${job.id}`);
    if (!isFinal(job.state) && waitS > 0) await waitForEnd(deps, job, waitS * 1_000);
    if (created && waitS === 0 && !isFinal(job.state))
      return c.json({ ...(await showJob(deps, job)), attempts: [] }, 202);
    const now = await getJob(deps.db, job);
    if (!now || isErased(now))
      throw new AppError("not_found", { message: "The job was erased while it was waited for." });
    return c.json(await showWholeJob(deps, c.var.caller, now), created && !isFinal(now.state) ? 202 : 200);
  });

  app.openapi(submitJobs, async (c) => {
    const { deps } = c.var;
    const bulkKey = c.req.valid("header")["idempotency-key"];
    const { jobs } = c.req.valid("json");
    const submitted = await submitAs(c, { jobs, list: true, bulkKey });
    const data = await Promise.all(submitted.map(({ job }) => showJob(deps, job)));
    return c.json({ object: "list" as const, data }, submitted.some(({ created }) => created) ? 202 : 200);
  });
}

/** Seconds of `Prefer: wait=N`; other preferences are ignored, as RFC 7240 wants. */
function readWait(prefer: string | undefined): number {
  const match = /(?:^|[,;\s])wait\s*=\s*"?(\d+)"?/i.exec(prefer ?? "");
  return match ? Math.min(Number(match[1]), LIMITS.waitS) : 0;
}

// GET /v1/jobs and /v1/jobs/{id}, its input and its output: jobs are looked at.

import { createRoute, type RouteConfig, z } from "@hono/zod-openapi";
import { pageOf } from "../../contract/envelope";
import { channelSchema, jobSchema, stateSchema, tagSchema } from "../../contract/job";
import { fingerprintSchema } from "../../contract/operation";
import { AppError } from "../../core/errors";
import { isJobId } from "../../core/ids";
import { isFinal } from "../../core/lifecycle";
import { LIMITS } from "../../core/limits";
import type { JobKey } from "../../store/db";
import { listJobs as readPage } from "../../store/job-list";
import { openObject } from "../../store/objects";
import { outputOwner } from "../../store/outputs";
import type { App, HttpContext } from "../context";
import { allow } from "../middleware/authenticate";
import { bearer, failures, json } from "../responses";
import { findJob, showJob, showWholeJob } from "../show-job";

export const jobParams = z.object({ id: z.string().openapi({ description: "The job's id." }) });

const readAccess = allow({ scope: "jobs:read", token: "read" });

const listJobs = createRoute({
  method: "get",
  path: "/v1/jobs",
  summary: "List jobs, newest first",
  tags: ["Jobs"],
  security: bearer,
  middleware: readAccess,
  request: {
    query: z.object({
      state: stateSchema.optional(),
      task: z.string().max(64).optional(),
      channel: channelSchema.optional(),
      tag: tagSchema.optional(),
      fingerprint: fingerprintSchema.optional(),
      parent: z
        .string()
        .refine(isJobId, "expected the id of a job")
        .optional()
        .openapi({ description: "The children of this job, the items of a batch for instance." }),
      limit: z.coerce.number().int().min(1).max(LIMITS.pageSize).default(20),
      cursor: z.string().max(64).optional().openapi({ description: "`next_cursor` of the page before." }),
    }),
  },
  responses: {
    200: json(
      pageOf(jobSchema),
      "A page, without inputs, outputs and attempts. It may be short and still have a next.",
    ),
    ...failures,
  },
});

const getJob = createRoute({
  method: "get",
  path: "/v1/jobs/{id}",
  summary: "Get a job",
  tags: ["Jobs"],
  security: bearer,
  middleware: readAccess,
  request: { params: jobParams },
  responses: { 200: json(jobSchema, "The job, with its output unless that is large."), ...failures },
});

// Widened on purpose: a typed JSON answer could not be a stream.
const raw: RouteConfig["responses"][string] = {
  description: "The JSON as it is stored.",
  content: { "application/json": { schema: z.unknown() } },
};

const getInput = createRoute({
  method: "get",
  path: "/v1/jobs/{id}/input",
  summary: "Get a job's input",
  tags: ["Jobs"],
  security: bearer,
  middleware: readAccess,
  request: { params: jobParams },
  responses: { 200: raw, ...failures },
});

const getOutput = createRoute({
  method: "get",
  path: "/v1/jobs/{id}/output",
  summary: "Get a job's output, however large",
  tags: ["Jobs"],
  security: bearer,
  middleware: readAccess,
  request: { params: jobParams },
  responses: { 200: raw, ...failures },
});

export function jobRoutes(app: App): void {
  app.openapi(listJobs, async (c) => {
    const { deps, caller } = c.var;
    const { limit, cursor, ...filter } = c.req.valid("query");
    if (cursor !== undefined && !isJobId(cursor)) throw new AppError("invalid_cursor", { param: "cursor" });
    if (caller.kind === "token") {
      if (caller.channel === null)
        throw new AppError("forbidden", { message: "This token is for one job only." });
      filter.channel = caller.channel;
    }
    const page = await readPage(deps.db, caller.projectId, filter, limit, cursor ?? null);
    const data = await Promise.all(page.jobs.map((job) => showJob(deps, job)));
    return c.json(
      { object: "list" as const, data, has_more: page.next !== null, next_cursor: page.next },
      200,
    );
  });

  app.openapi(getJob, async (c) => {
    const job = await findJob(c.var.deps, c.var.caller, c.req.valid("param").id);
    return c.json(await showWholeJob(c.var.deps, c.var.caller, job), 200);
  });

  app.openapi(getInput, async (c) => {
    const job = await findJob(c.var.deps, c.var.caller, c.req.valid("param").id);
    return answerRaw(c, job, job.input, job.inputKey);
  });

  app.openapi(getOutput, async (c) => {
    const job = await findJob(c.var.deps, c.var.caller, c.req.valid("param").id);
    if (job.outputBytes === null) {
      if (!isFinal(job.state)) throw new AppError("output_not_ready");
      throw new AppError("not_found", { message: `The job is ${job.state} and has no output.` });
    }
    return answerRaw(c, outputOwner(job), job.output, job.outputKey);
  });
}

async function answerRaw(
  c: HttpContext,
  owner: JobKey,
  inline: string | null,
  key: string | null,
): Promise<Response> {
  const { deps } = c.var;
  const content =
    key === null ? await deps.vault.openText(owner, inline ?? "null") : await openObject(deps, owner, key);
  return new Response(content, { headers: { "content-type": "application/json" } });
}

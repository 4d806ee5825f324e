// GET /v1/jobs/{id}/files: what a job has written besides its output.

import { createRoute, type RouteConfig, z } from "@hono/zod-openapi";
import { listOf } from "../../contract/envelope";
import { jobFileSchema } from "../../contract/file";
import { AppError } from "../../core/errors";
import type { WholeJob } from "../../core/job";
import { fileTypeOf } from "../../core/job-file";
import { findJobFile, listJobFiles } from "../../store/job-files";
import { openStream } from "../../store/object-range";
import type { App, HttpContext } from "../context";
import { allow } from "../middleware/authenticate";
import { answerRange } from "../range-answer";
import { bearer, failures, json } from "../responses";
import { findJob } from "../show-job";
import { jobParams } from "./jobs";

const shared = {
  tags: ["Jobs"],
  security: bearer,
  middleware: allow({ scope: "jobs:read", token: "read" }),
};

const listFiles = createRoute({
  ...shared,
  method: "get",
  path: "/v1/jobs/{id}/files",
  summary: "List the files a job has written",
  description: "Once it has completed: a batch has its output and errors, a corpus its vectors.",
  request: { params: jobParams },
  responses: { 200: json(listOf(jobFileSchema), "By name. Most jobs have none."), ...failures },
});

// Widened on purpose: a typed answer could not be a stream.
const content = (description: string): RouteConfig["responses"][string] => ({
  description,
  content: { "*/*": { schema: { type: "string" as const, format: "binary" } } },
});

const getFile = createRoute({
  ...shared,
  method: "get",
  path: "/v1/jobs/{id}/files/{name}",
  summary: "Download a file that a job has written",
  description: "`Range: bytes=…` gives a part of it.",
  request: { params: jobParams.extend({ name: z.string().openapi({ description: "The file's name." }) }) },
  responses: { 200: content("The content."), 206: content("The range."), ...failures },
});

export function jobFileRoutes(app: App): void {
  app.openapi(listFiles, async (c) => {
    const job = await findJob(c.var.deps, c.var.caller, c.req.valid("param").id);
    const files = hasFiles(job) ? await listJobFiles(c.var.deps, job) : [];
    const data = files.map(({ name, bytes }) => ({ name, bytes, content_type: fileTypeOf(name) }));
    return c.json({ object: "list" as const, data }, 200);
  });

  app.openapi(getFile, async (c) => {
    const { id, name } = c.req.valid("param");
    return answerFile(c, await findJob(c.var.deps, c.var.caller, id), name);
  });
}

/** What a job leaves that has not run to its end may be half of something. */
function hasFiles({ state }: WholeJob): boolean {
  return state === "completed";
}

async function answerFile(c: HttpContext, job: WholeJob, name: string): Promise<Response> {
  const { deps } = c.var;
  const file = hasFiles(job) ? await findJobFile(deps, job, name) : null;
  if (!file) throw new AppError("not_found");
  return answerRange(c, {
    ...file,
    id: job.id,
    contentType: fileTypeOf(name),
    open: (range) => openStream(deps, job, file.key, range),
  });
}

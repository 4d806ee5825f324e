// POST /v1/generate: text for somebody who waits for it, as it is written; a job all the same.

import { createRoute, z } from "@hono/zod-openapi";
import { generateSchema } from "../../contract/submit";
import { AppError } from "../../core/errors";
import { isFinal } from "../../core/lifecycle";
import { checkAccess } from "../caller";
import type { App } from "../context";
import { allow } from "../middleware/authenticate";
import { bearer, body, failures } from "../responses";
import { showJob } from "../show-job";
import { setSecurityHeaders } from "../streams/answer";
import { jobSource } from "../streams/job-source";
import { answerWithJob } from "../streams/read";
import { submitAs } from "../submit-as";
import { idempotencyHeader } from "./submit";

const generateRoute = createRoute({
  method: "post",
  path: "/v1/generate",
  summary: "Generate text at once",
  description:
    "Submits a job of task `generate` and answers with its stream, as server-sent events: first `job`, then what `GET /v1/jobs/{id}/stream?live=sse` tells. " +
    "The model is called at once if nothing is in the way, else when the job's turn comes. A connection that is lost does not stop the job, and its stream goes on there.",
  tags: ["Jobs"],
  security: bearer,
  middleware: allow({ scope: "jobs:write", token: "submit" }),
  request: { ...body(generateSchema), headers: idempotencyHeader },
  responses: {
    200: {
      description: "The job, and its stream. `Location` is the job's address.",
      content: { "text/event-stream": { schema: z.string() } },
    },
    ...failures,
  },
});

const WAITED_FOR = { task: "generate", lane: "interactive", stream: true } as const;

export function generateRoutes(app: App): void {
  app.openapi(generateRoute, async (c) => {
    setSecurityHeaders(c);
    const { deps, caller } = c.var;
    checkAccess(caller, { scope: "jobs:read", token: "read" });
    const key = c.req.valid("header")["idempotency-key"];
    const request = { ...c.req.valid("json"), ...WAITED_FOR, idempotency_key: key };
    const [submitted] = await submitAs(c, { jobs: [request], live: true });
    if (!submitted)
      throw new AppError("not_found", { message: "The job of this idempotency key was erased just now." });
    const { job, created } = submitted;
    c.header("location", `/v1/jobs/${job.id}`);
    const isNew = created && !isFinal(job.state);
    return answerWithJob(c, jobSource(deps, job), await showJob(deps, job), isNew);
  });
}

// GET /v1/jobs/{id}/stream: all a job has said so far, and what it says from now on.

import { createRoute, z } from "@hono/zod-openapi";
import { AppError } from "../../core/errors";
import type { App } from "../context";
import { allow } from "../middleware/authenticate";
import { bearer, failures } from "../responses";
import { findJob } from "../show-job";
import { setSecurityHeaders } from "../streams/answer";
import { jobSource } from "../streams/job-source";
import { answerRead, answerSocket, readQuery } from "../streams/read";
import { jobParams } from "./jobs";

const streamRoute = createRoute({
  method: "get",
  path: "/v1/jobs/{id}/stream",
  summary: "Read the stream of a job",
  description:
    "Of a job with `stream: true`: its text, its progress and its end, as JSON messages, while it runs and for as long as it is kept. " +
    "Read as any stream (`GET /v1/streams/{name}`); with an upgrade a WebSocket, whose frames are `{offset, closed, data}`.",
  tags: ["Streams"],
  security: bearer,
  middleware: allow({ scope: "jobs:read", token: "read" }),
  request: {
    params: jobParams,
    query: readQuery,
  },
  responses: {
    101: { description: "A WebSocket." },
    200: {
      description: "Messages.",
      content: {
        "application/json": { schema: z.array(z.looseObject({ type: z.string() })) },
        "text/event-stream": { schema: z.string() },
      },
    },
    204: { description: "Nothing new yet." },
    ...failures,
  },
});

export function jobStreamRoutes(app: App): void {
  app.openapi(streamRoute, async (c) => {
    setSecurityHeaders(c);
    const { deps, caller } = c.var;
    const job = await findJob(deps, caller, c.req.valid("param").id);
    if (!job.stream) {
      const message = "This job has no stream. Submit it with `stream: true`.";
      throw new AppError("not_found", { message });
    }
    const source = jobSource(deps, job);
    const isSocket = c.req.header("upgrade")?.toLowerCase() === "websocket";
    return isSocket ? answerSocket(c, source) : answerRead(c, source);
  });
}

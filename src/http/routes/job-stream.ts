// GET /v1/jobs/{id}/stream: all a job has said so far, and what it says from now on.

import { createRoute, z } from "@hono/zod-openapi";
import { AppError } from "../../core/errors";
import { moveEvent } from "../../core/events";
import type { Job } from "../../core/job";
import { isFinal } from "../../core/lifecycle";
import { jobLogId } from "../../core/streams/job-log";
import { parseOffset } from "../../core/streams/offset";
import type { Deps } from "../../deps";
import { endLog } from "../../engine/end-log";
import { getJob } from "../../store/jobs";
import type { App } from "../context";
import { allow } from "../middleware/authenticate";
import { bearer, failures } from "../responses";
import { findJob } from "../show-job";
import { setSecurityHeaders } from "../streams/answer";
import { openFollow } from "../streams/follow";
import { answerRead, readQuery } from "../streams/read";
import { invalid } from "../streams/request";
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
    await tellEnd(deps, job);
    const id = jobLogId(job);
    if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
      return answerRead(c, id, async () => {
        const now = await getJob(deps.db, job).catch(() => null);
        if (now) await tellEnd(deps, now);
      });
    }
    const offset = c.req.query("offset") ?? "-1";
    const from = offset === "-1" ? "start" : offset === "now" ? "now" : parseOffset(offset);
    const socket = from && (await openFollow(deps, id, from));
    if (!socket) throw invalid("offset", "expected one that this stream has given out.");
    return new Response(null, { status: 101, webSocket: socket });
  });
}

/** Should nobody have told the end of the job, whoever reads does. */
async function tellEnd(deps: Deps, job: Job): Promise<void> {
  if (isFinal(job.state)) await endLog(deps, job, moveEvent(job, deps.now()));
}

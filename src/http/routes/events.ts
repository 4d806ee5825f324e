// GET /v1/events and /v1/jobs/{id}/events: a WebSocket when upgraded, server-sent events otherwise.

import { createRoute, z } from "@hono/zod-openapi";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import type { Frame } from "../../contract/frames";
import { channelSchema } from "../../contract/job";
import { parseCursor } from "../../core/cursor";
import { AppError } from "../../core/errors";
import type { App, HttpContext } from "../context";
import { openSocket, type Subject } from "../listen";
import { allow } from "../middleware/authenticate";
import { bearer, failures } from "../responses";
import { findJob } from "../show-job";
import { jobParams } from "./jobs";

const sinceSchema = z.string().optional().openapi({
  description: "`cursor` of the last event that arrived: what was missed since then is sent first.",
});

const stream = {
  101: { description: "A WebSocket: a `snapshot` frame, then each event. Send `ping` to get `pong`." },
  200: {
    description: "Server-sent events with the same frames.",
    content: { "text/event-stream": { schema: z.string() } },
  },
  ...failures,
};

const description =
  "The first frame is a `snapshot` of how things stand, then each event follows: `{type, job_id, version, cursor, at, …}`. " +
  "A cursor that is too old is answered by a `reset` frame before the snapshot. Drop an event whose `version` is not " +
  "above the one you know of its job.";

const channelEvents = createRoute({
  method: "get",
  path: "/v1/events",
  summary: "Listen to a channel",
  description,
  tags: ["Events"],
  security: bearer,
  middleware: allow({ scope: "jobs:read", token: "read" }),
  request: { query: z.object({ channel: channelSchema.optional(), since: sinceSchema }) },
  responses: stream,
});

const jobEvents = createRoute({
  method: "get",
  path: "/v1/jobs/{id}/events",
  summary: "Listen to a job",
  description,
  tags: ["Events"],
  security: bearer,
  middleware: allow({ scope: "jobs:read", token: "read" }),
  request: { params: jobParams, query: z.object({ since: sinceSchema }) },
  responses: stream,
});

export function eventRoutes(app: App): void {
  app.openapi(channelEvents, (c) => {
    const { caller } = c.var;
    const own = caller.kind === "token" ? caller.channel : undefined;
    const channel = c.req.valid("query").channel ?? own;
    if (!channel)
      throw new AppError("invalid_request", {
        param: "channel",
        message: "channel: expected the name of one.",
      });
    if (own !== undefined && channel !== own)
      throw new AppError("forbidden", { message: "This token is for another channel." });
    return listen(c, { projectId: caller.projectId, job: null, channel }, c.req.valid("query").since);
  });

  app.openapi(jobEvents, async (c) => {
    const job = await findJob(c.var.deps, c.var.caller, c.req.valid("param").id);
    return listen(c, { projectId: job.projectId, job, channel: null }, c.req.valid("query").since);
  });
}

async function listen(c: HttpContext, subject: Subject, since: string | undefined): Promise<Response> {
  const cursor = since ?? c.req.header("last-event-id") ?? null;
  if (cursor !== null && !parseCursor(cursor)) throw new AppError("invalid_cursor", { param: "since" });
  // A HEAD is answered like a GET, but nobody would read the stream, nor ever hang up on it.
  if (c.req.raw.method === "HEAD") return c.body(null, 200, { "content-type": "text/event-stream" });
  const socket = await openSocket(c.var.deps, subject, cursor);
  if (c.req.header("upgrade")?.toLowerCase() === "websocket") {
    return new Response(null, { status: 101, webSocket: socket });
  }
  return streamSSE(c, (sse) => pipe(socket, sse));
}

/** Proxies and browsers give up on a silent connection after half a minute or more. */
const KEEP_ALIVE_MS = 15_000;

async function pipe(socket: WebSocket, sse: SSEStreamingApi): Promise<void> {
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  let writing: Promise<unknown> = Promise.resolve();
  socket.addEventListener("message", ({ data }) => {
    const frame = JSON.parse(String(data)) as Frame;
    writing = writing.then(() => sse.writeSSE({ event: frame.type, id: frame.cursor, data: String(data) }));
  });
  socket.addEventListener("close", () => close());
  socket.addEventListener("error", () => close());
  sse.onAbort(close);
  socket.accept();
  const keepAlive = setInterval(() => void sse.write(": keep-alive\n\n"), KEEP_ALIVE_MS);
  await closed;
  clearInterval(keepAlive);
  await writing;
  socket.close(1000, "done");
}

// /v1/streams/{name}: logs of an app's own, as the Durable Streams protocol has them. Job streams are read the same way.

import { createRoute, z } from "@hono/zod-openapi";
import { LIMITS } from "../../core/limits";
import { isJson } from "../../core/streams/stream";
import { callLog, streamId } from "../../engine/stream-logs";
import type { App, HttpContext } from "../context";
import { allow } from "../middleware/authenticate";
import { readBody } from "../read-body";
import { bearer, failures } from "../responses";
import { absent, answerAppended, answerCreated, setSecurityHeaders, streamHeaders } from "../streams/answer";
import { answerRead, readQuery } from "../streams/read";
import { invalid, isStreamName, jsonLines, readAppend, readNewStream } from "../streams/request";
import { appSource } from "../streams/source";

const shared = {
  path: "/v1/streams/{name}" as const,
  tags: ["Streams"],
  security: bearer,
  request: {
    params: z.object({
      name: z
        .string()
        .openapi({ description: "Letters, digits and `. _ ~ : @ / -`, at most 128.", example: "chat-42" }),
    }),
  },
};
const write = allow({ scope: "streams:write", token: null });
const anyType = { content: { "*/*": { schema: z.string() } } };
// Only said here: a body of any type is read as it comes.
const requestBody = {
  content: {
    "application/json": { schema: { description: "A message, or an array of messages." } },
    "*/*": { schema: { type: "string" as const, format: "binary" } },
  },
};
const noBody = (description: string) => ({ description });

const createStream = createRoute({
  ...shared,
  method: "put",
  summary: "Create a stream",
  description:
    "With the body as its first data. Headers: `Content-Type`, `Stream-TTL` or `Stream-Expires-At`, `Stream-Closed`, " +
    "`Stream-Forked-From` with `Stream-Fork-Offset` and `Stream-Fork-Sub-Offset`. Repeatable.",
  requestBody,
  middleware: write,
  responses: {
    201: noBody("It was created."),
    200: noBody("It is there already, and the same."),
    ...failures,
  },
});

const appendRoute = createRoute({
  ...shared,
  method: "post",
  summary: "Append to a stream, or close it",
  description:
    "A JSON array is appended as its elements. Headers: `Content-Type` (that of the stream), `Stream-Closed`, `Stream-Seq`, and for " +
    "appends that may be repeated `Producer-Id`, `Producer-Epoch`, `Producer-Seq`.",
  requestBody,
  middleware: write,
  responses: {
    204: noBody("Written (or written before)."),
    200: noBody("Written, by a producer."),
    ...failures,
  },
});

const readRoute = createRoute({
  ...shared,
  method: "get",
  summary: "Read a stream",
  description:
    "From `offset` (`-1`: the start, `now`: the end) what there is, up to a page; with `live=long-poll` what comes next, with " +
    "`live=sse` all that comes as server-sent events. Go on from `Stream-Next-Offset`.",
  middleware: allow({ scope: "streams:read", token: null }),
  request: { ...shared.request, query: readQuery },
  responses: { 200: { description: "Data.", ...anyType }, 204: noBody("Nothing new yet."), ...failures },
});

const deleteRoute = createRoute({
  ...shared,
  method: "delete",
  summary: "Delete a stream",
  middleware: write,
  responses: { 204: noBody("It is gone."), ...failures },
});

export function streamRoutes(app: App): void {
  app.openapi(createStream, async (c) => {
    const id = begin(c);
    const wanted = readNewStream(c, c.var.caller.projectId);
    const type = wanted.contentType ?? (await sourceType(c, wanted.fork?.source));
    const data = await readData(c, type);
    const created = await callLog(c.var.deps, id, (log) => log.create(id, { ...wanted, data }));
    return answerCreated(c, created);
  });

  app.openapi(appendRoute, async (c) => {
    const id = begin(c);
    const entry = readAppend(c);
    const body = await readData(c, entry.contentType);
    if (body.byteLength === 0 && !entry.close) throw invalid("body", "expected something to append.");
    if (body.byteLength > 0 && !entry.contentType)
      throw invalid("Content-Type", "expected that of the stream.");
    const appended = await callLog(c.var.deps, id, (log) => log.append(id, { ...entry, data: body }));
    return answerAppended(c, appended, entry.producer, body.byteLength === 0);
  });

  app.openapi(readRoute, async (c) => {
    const id = begin(c);
    return c.req.raw.method === "HEAD" ? answerHead(c, id) : answerRead(c, appSource(c.var.deps, id));
  });

  app.openapi(deleteRoute, async (c) => {
    const id = begin(c);
    const dropped = await callLog(c.var.deps, id, (log) => log.drop(id));
    if (dropped.kind !== "dropped") throw absent(dropped);
    return c.body(null, 204);
  });
}

/** The id of the stream that the path names. */
function begin(c: HttpContext): string {
  setSecurityHeaders(c);
  const name = c.req.param("name") ?? "";
  if (!isStreamName(name)) {
    throw invalid("name", `expected 1 to ${LIMITS.streamNameLength} letters, digits and . _ ~ : @ / -`);
  }
  return streamId(c.var.caller.projectId, name);
}

/** JSON as its messages. An empty array, which is nothing to append, is refused unless a stream begins with it. */
async function readData(c: HttpContext, contentType: string | null): Promise<Uint8Array> {
  const body = new Uint8Array(await (await readBody(c, LIMITS.streamAppendBytes)).arrayBuffer());
  if (body.byteLength === 0 || contentType === null || !isJson(contentType)) return body;
  const lines = jsonLines(body);
  if (lines.byteLength === 0 && c.req.method === "POST")
    throw invalid("body", "expected at least one message.");
  return lines;
}

/** A fork has the type of its source, if it does not say. */
async function sourceType(c: HttpContext, source: string | undefined): Promise<string | null> {
  if (source === undefined) return null;
  const found = await callLog(c.var.deps, source, (log) => log.head(source));
  return found.kind === "found" ? found.stream.contentType : null;
}

async function answerHead(c: HttpContext, id: string): Promise<Response> {
  const found = await callLog(c.var.deps, id, (log) => log.head(id));
  if (found.kind !== "found") throw absent(found);
  const { stream } = found;
  return c.body(null, 200, {
    ...streamHeaders(stream),
    "cache-control": "no-store",
    ...(stream.ttlS === null ? {} : { "stream-ttl": String(stream.ttlS) }),
    ...(stream.expiresAt === null ? {} : { "stream-expires-at": stream.expiresAt }),
  });
}

// The three ways to read a stream: what there is, what comes next (long-poll), and all of it as it comes (SSE).

import { z } from "@hono/zod-openapi";
import { streamSSE } from "hono/streaming";
import type { JobOnWire } from "../../contract/job";
import { formatOffset, parseOffset } from "../../core/streams/offset";
import { toBody } from "../../core/streams/payload";
import { isJson, isText } from "../../core/streams/stream";
import { TextReader } from "../../core/streams/text-reader";
import type { From, StreamView } from "../../durable/stream-log";
import type { HttpContext } from "../context";
import { streamHeaders } from "./answer";
import { nextCursor } from "./cursor";
import { type Following, follow, followNew, type Part, readPart } from "./follow";
import { invalid } from "./request";
import type { Source } from "./source";

/** Proxies and browsers give up on a silent connection after half a minute or more. */
const KEEP_ALIVE_MS = 15_000;
const LONG_POLL_MS = 15_000;

/** What a GET says, for the OpenAPI document; it is checked below, and told in the protocol's words. */
export const readQuery = z.object({
  offset: z.string("expected one, got several").optional().openapi({
    description:
      "Where to begin: an offset that the stream has given out, `-1` for its start (default), `now` for its end.",
  }),
  live: z.enum(["long-poll", "sse"]).optional().openapi({
    description: "Wait for what comes next, or get all that comes as server-sent events. Needs an offset.",
  }),
  cursor: z.string().optional().openapi({ description: "The `Stream-Cursor` of the answer before." }),
});

/** Throws `invalid_request` for an offset that is none, or is missing where one is needed. */
export async function answerRead(c: HttpContext, source: Source): Promise<Response> {
  const live = c.req.query("live");
  if (live !== undefined && live !== "long-poll" && live !== "sse") {
    throw invalid("live", 'expected "long-poll" or "sse".');
  }
  const from = readFrom(c, live !== undefined);
  if (live === undefined) return catchUp(c, source, from);
  const abort = new AbortController();
  c.req.raw.signal.addEventListener("abort", () => abort.abort());
  const following = await follow(c.var.deps, source, from, abort.signal);
  return live === "sse" ? sendEvents(c, source, from, following, abort) : waitForMore(c, following, abort);
}

/** All of it, as server-sent events, after one that tells of the job. `isNew`: submitted just now. */
export async function answerWithJob(c: HttpContext, source: Source, job: JobOnWire, isNew: boolean) {
  const abort = new AbortController();
  c.req.raw.signal.addEventListener("abort", () => abort.abort());
  const following = isNew
    ? followNew(c.var.deps, source, abort.signal)
    : await follow(c.var.deps, source, "start", abort.signal);
  return sendEvents(c, source, "start", following, abort, toEvent("job", JSON.stringify(job)));
}

/** Over a WebSocket, whose frames are the object's own. Throws `invalid_request` as well when there is no such place. */
export async function answerSocket(c: HttpContext, source: Source): Promise<Response> {
  const webSocket = await source.listen(readFrom(c, false));
  if (!webSocket) throw invalid("offset", "expected one that this stream has given out.");
  return new Response(null, { status: 101, webSocket });
}

function readFrom(c: HttpContext, isNeeded: boolean): From {
  const [offset, ...more] = c.req.queries("offset") ?? [];
  if (more.length > 0) throw invalid("offset", "expected one, got several.");
  if (offset === undefined && isNeeded) {
    throw invalid("offset", "expected where to begin: -1, now, or an offset.");
  }
  if (offset === undefined || offset === "-1") return "start";
  if (offset === "now") return "now";
  const place = parseOffset(offset);
  if (!place) throw invalid("offset", "expected one that this stream has given out.");
  return place;
}

async function catchUp(c: HttpContext, source: Source, from: From): Promise<Response> {
  const { stream, part } = await readPart(source, from);
  const headers = partHeaders(stream, part);
  if (from === "now") return c.body(bodyOf(stream, part), 200, { ...headers, "cache-control": "no-store" });
  const start = c.req.query("offset") ?? "-1";
  const etag = `"${start}:${part.offset}${part.closed ? ":c" : ""}"`;
  const cached = { etag, "cache-control": "private, no-cache" };
  if (c.req.header("if-none-match") === etag) return c.body(null, 304, cached);
  return c.body(bodyOf(stream, part), 200, { ...headers, ...cached });
}

/** The first part that holds something, or that the stream has ended, or 204 when the time is over. */
async function waitForMore(
  c: HttpContext,
  { stream, parts }: Following,
  abort: AbortController,
): Promise<Response> {
  const timer = setTimeout(() => abort.abort(), LONG_POLL_MS);
  let last: Part | null = null;
  for await (const part of parts) {
    last = part;
    if (!part.isEmpty || part.closed) break;
  }
  clearTimeout(timer);
  abort.abort();
  if (!last) return c.body(null, 204);
  const headers = { ...partHeaders(stream, last), "cache-control": "no-store", "stream-cursor": cursorOf(c) };
  if (!last.isEmpty) return c.body(bodyOf(stream, last), 200, headers);
  return c.body(null, 204, { ...headers, "stream-up-to-date": "true" });
}

function partHeaders(stream: StreamView, part: Part): Record<string, string> {
  const { "stream-closed": _, ...headers } = streamHeaders(stream);
  return {
    ...headers,
    "stream-next-offset": part.offset,
    ...(part.upToDate ? { "stream-up-to-date": "true" } : {}),
    ...(part.closed ? { "stream-closed": "true" } : {}),
  };
}

function bodyOf(stream: StreamView, part: Part): string | Uint8Array<ArrayBuffer> {
  return toBody(stream.contentType, part.payload);
}

function cursorOf(c: HttpContext): string {
  return nextCursor(c.req.query("cursor"), c.var.deps.now(), c.var.deps.random());
}

function sendEvents(
  c: HttpContext,
  source: Source,
  from: From,
  { stream, parts }: Following,
  abort: AbortController,
  head = "",
): Response {
  if (!isText(stream.contentType)) c.header("stream-sse-data-encoding", "base64");
  const response = streamSSE(c, async (sse) => {
    sse.onAbort(() => abort.abort());
    const keepAlive = setInterval(() => {
      void sse.write(": keep-alive\n\n");
      void source.lookAfter();
    }, KEEP_ALIVE_MS);
    const text = new TextReader(from === "now" || (typeof from === "object" && from.at > 0));
    try {
      let before = head;
      for await (const part of parts) {
        await sse.write(before + partEvents(c, stream, text, part));
        before = "";
      }
    } finally {
      clearInterval(keepAlive);
    }
  });
  return response;
}

/** In one piece, so that nobody gets data without the offset behind it. */
function partEvents(c: HttpContext, stream: StreamView, text: TextReader, part: Part): string {
  const data = eventData(stream, text, part);
  // Whoever comes back with it gets what is held back, and with it the whole character.
  const streamNextOffset = offsetBefore(part.offset, text.heldBytes);
  const control = part.closed
    ? { streamNextOffset, streamClosed: true }
    : {
        streamNextOffset,
        streamCursor: cursorOf(c),
        ...(part.upToDate ? { upToDate: true } : {}),
      };
  return (data && toEvent("data", data)) + toEvent("control", JSON.stringify(control));
}

/** A line for each line of the text. A space that follows the colon is not part of the line. */
function toEvent(event: string, text: string): string {
  const lines = text
    .split(/\r\n|\r|\n/)
    .map((line) => (line.startsWith(" ") ? `data: ${line}` : `data:${line}`));
  return `event: ${event}\n${lines.join("\n")}\n\n`;
}

/** Characters of a text that two appends have cut in two come whole with the second. Empty: nothing to tell yet. */
function eventData(
  { contentType }: StreamView,
  text: TextReader,
  { payload, isEmpty, closed }: Part,
): string {
  if (!isText(contentType) || isJson(contentType)) {
    if (isEmpty) return "";
    return isJson(contentType) ? payload : (JSON.parse(payload) as string);
  }
  return text.take(toBody(contentType, payload) as Uint8Array, closed);
}

function offsetBefore(offset: string, bytes: number): string {
  const place = parseOffset(offset);
  return place ? formatOffset({ ...place, at: place.at - bytes }) : offset;
}

// What the streams' objects answer, as the Durable Streams protocol says it: in status and headers.

import { AppError, type ErrorCode, type ErrorDetails } from "../../core/errors";
import { formatOffset, type Place } from "../../core/streams/offset";
import type { Absent, Appended, Created, StreamView } from "../../durable/stream-log";
import type { HttpContext } from "../context";

/** Also those of errors. */
export function setSecurityHeaders(c: HttpContext): void {
  c.res.headers.set("x-content-type-options", "nosniff");
  c.res.headers.set("cross-origin-resource-policy", "cross-origin");
}

export function streamHeaders(stream: StreamView): Record<string, string> {
  return {
    "content-type": stream.contentType,
    "stream-next-offset": formatOffset(stream.next),
    ...(stream.closed ? { "stream-closed": "true" } : {}),
  };
}

export function absent({ kind }: Absent): AppError {
  return kind === "missing"
    ? new AppError("not_found", { message: "No such stream." })
    : new AppError("stream_gone");
}

export function answerCreated(c: HttpContext, created: Created): Response {
  switch (created.kind) {
    case "created": {
      const { origin, pathname } = new URL(c.req.url);
      return c.body(null, 201, { ...streamHeaders(created.stream), location: `${origin}${pathname}` });
    }
    case "there":
      return c.body(null, 200, streamHeaders(created.stream));
    case "taken":
      throw new AppError("stream_exists");
    case "too_large":
      throw new AppError("stream_full");
    case "no_project":
      throw new AppError("not_found", { message: "No such project." });
    case "no_source":
      throw new AppError("not_found", { message: "Stream-Forked-From: no such stream." });
    case "source_away": {
      const message = "Stream-Forked-From: that stream is not available right now.";
      throw new AppError("store_unavailable", { message, retryAfterMs: 1_000 });
    }
    case "source_gone":
      throw new AppError("stream_exists", { message: "Stream-Forked-From: that stream was deleted." });
    case "other_type":
      throw new AppError("content_type_mismatch", { message: "A fork has the content type of its source." });
    case "bad_offset":
      throw invalidFork("Stream-Fork-Offset", "expected one that the stream has given out.");
    case "bad_sub":
      throw invalidFork("Stream-Fork-Sub-Offset", "the append at Stream-Fork-Offset is not that long.");
  }
}

function invalidFork(param: string, problem: string): AppError {
  return new AppError("invalid_request", { param, message: `${param}: ${problem}` });
}

/** `isEmpty`: the request only closes. */
export function answerAppended(
  c: HttpContext,
  appended: Appended,
  producer: Numbered | null,
  isEmpty: boolean,
): Response {
  switch (appended.kind) {
    case "appended":
      // By the protocol: 200 tells a producer that this was written now, 204 that it had been before.
      return c.body(null, producer && !isEmpty ? 200 : 204, appendHeaders(appended, producer));
    case "duplicate":
      return c.body(null, 204, appendHeaders(appended, appended.producer));
    case "missing":
    case "gone":
      throw absent(appended);
    case "too_large":
      throw new AppError("stream_full");
    case "closed":
      return refuse(c, "stream_closed", {
        "stream-closed": "true",
        "stream-next-offset": formatOffset(appended.next),
      });
    case "other_type": {
      const message = `Content-Type: expected ${appended.contentType}, which the stream was created with.`;
      throw new AppError("content_type_mismatch", { param: "Content-Type", message });
    }
    case "old_seq": {
      const message = `Stream-Seq: expected one after ${JSON.stringify(appended.seq)}, compared as text.`;
      throw new AppError("sequence_conflict", { param: "Stream-Seq", message });
    }
    case "stale":
      return refuse(
        c,
        "producer_fenced",
        { "producer-epoch": String(appended.epoch) },
        { param: "Producer-Epoch" },
      );
    case "gap":
      return refuse(
        c,
        "sequence_conflict",
        {
          "producer-expected-seq": String(appended.expected),
          "producer-received-seq": String(appended.received),
        },
        {
          param: "Producer-Seq",
          message: `Producer-Seq: expected ${appended.expected}, the next of its epoch.`,
        },
      );
    case "bad_start":
      throw new AppError("invalid_request", {
        param: "Producer-Seq",
        message: "Producer-Seq: a new Producer-Epoch begins with 0.",
      });
  }
}

type Numbered = { epoch: number; seq: number };

function appendHeaders(
  { next, closed }: { next: Place; closed: boolean },
  producer: Numbered | null,
): Record<string, string> {
  return {
    "stream-next-offset": formatOffset(next),
    ...(closed ? { "stream-closed": "true" } : {}),
    ...(producer ? { "producer-epoch": String(producer.epoch), "producer-seq": String(producer.seq) } : {}),
  };
}

/** An error that says more in its headers. */
function refuse(
  c: HttpContext,
  code: ErrorCode,
  headers: Record<string, string>,
  details: ErrorDetails = {},
): never {
  for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value);
  throw new AppError(code, details);
}

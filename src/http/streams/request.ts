// What a request says of a stream: in headers, as the Durable Streams protocol has them.

import { AppError } from "../../core/errors";
import { jsonDepth } from "../../core/json-depth";
import { LIMITS } from "../../core/limits";
import { toLines, toMessages } from "../../core/streams/json-lines";
import { parseOffset } from "../../core/streams/offset";
import type { Producer } from "../../core/streams/producer";
import type { Append, Expiry, Fork, NewStream } from "../../core/streams/stream";
import { streamId } from "../../engine/stream-logs";
import type { HttpContext } from "../context";

const WHOLE_NUMBER = /^(0|[1-9]\d*)$/;
const MEDIA_TYPE = /^[\w.+-]+\/[\w.+-]+/;
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

/** Without its data. Throws `invalid_request`, which names the header. */
export function readNewStream(c: HttpContext, projectId: string): Omit<NewStream, "data"> {
  const type = c.req.header("content-type")?.trim() ?? "";
  return {
    contentType: MEDIA_TYPE.test(type) ? type : null,
    ...readExpiry(c),
    closed: isClosing(c),
    fork: readFork(c, projectId),
  };
}

/** Without its data. Throws `invalid_request`, which names the header. */
export function readAppend(c: HttpContext): Omit<Append, "data"> {
  return {
    contentType: c.req.header("content-type")?.trim() || null,
    seq: c.req.header("stream-seq") ?? null,
    producer: readProducer(c),
    close: isClosing(c),
  };
}

/** The messages of a JSON body, a line each. Throws `invalid_json`. */
export function jsonLines(body: Uint8Array): Uint8Array {
  const text = decode(body);
  if (jsonDepth(text) > LIMITS.jsonDepth) {
    throw new AppError("invalid_json", { message: `The JSON nests deeper than ${LIMITS.jsonDepth} levels.` });
  }
  try {
    return new TextEncoder().encode(toLines(toMessages(text)));
  } catch (error) {
    throw new AppError("invalid_json", { cause: error });
  }
}

/** Bytes that are no text are no JSON either: replaced by others they would be kept, and nobody would know. */
function decode(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(body);
  } catch (error) {
    throw new AppError("invalid_json", { message: "The body is not UTF-8.", cause: error });
  }
}

/** Of headers and parameters. */
export function invalid(param: string, problem: string): AppError {
  return new AppError("invalid_request", { param, message: `${param}: ${problem}` });
}

function isClosing(c: HttpContext): boolean {
  return c.req.header("stream-closed")?.toLowerCase() === "true";
}

function readExpiry(c: HttpContext): Expiry {
  const ttl = c.req.header("stream-ttl");
  const expiresAt = c.req.header("stream-expires-at");
  if (ttl !== undefined && expiresAt !== undefined) {
    throw invalid("Stream-TTL", "expected either this or Stream-Expires-At, got both.");
  }
  if (ttl !== undefined && !(WHOLE_NUMBER.test(ttl) && Number(ttl) <= LIMITS.streamTtlS)) {
    throw invalid("Stream-TTL", `expected whole seconds, at most ${LIMITS.streamTtlS}.`);
  }
  if (expiresAt !== undefined && !(RFC_3339.test(expiresAt) && Number.isFinite(Date.parse(expiresAt)))) {
    throw invalid("Stream-Expires-At", "expected an instant such as 2027-01-31T12:00:00Z.");
  }
  return { ttlS: ttl === undefined ? null : Number(ttl), expiresAt: expiresAt ?? null };
}

function readFork(c: HttpContext, projectId: string): Fork | null {
  const source = c.req.header("stream-forked-from");
  const offset = c.req.header("stream-fork-offset");
  const sub = c.req.header("stream-fork-sub-offset");
  if (source === undefined) {
    if (sub !== undefined) throw invalid("Stream-Fork-Sub-Offset", "goes with Stream-Forked-From only.");
    if (offset !== undefined) throw invalid("Stream-Fork-Offset", "goes with Stream-Forked-From only.");
    return null;
  }
  const name = decodePart(/^\/v1\/streams\/(.+)$/.exec(source)?.[1] ?? "");
  if (!isStreamName(name))
    throw invalid("Stream-Forked-From", "expected the path of a stream, /v1/streams/….");
  if (sub !== undefined && !WHOLE_NUMBER.test(sub)) {
    throw invalid("Stream-Fork-Sub-Offset", "expected a whole number of bytes (JSON: of messages).");
  }
  const at = offset === undefined ? null : parseOffset(offset);
  if (offset !== undefined && at === null) {
    throw invalid("Stream-Fork-Offset", "expected an offset that the stream has given out.");
  }
  if (at === null && Number(sub ?? 0) > 0) {
    throw invalid("Stream-Fork-Sub-Offset", "goes with Stream-Fork-Offset only.");
  }
  return { source: streamId(projectId, name), at, sub: Number(sub ?? 0) };
}

const NAME = /^[\w.~:@/-]+$/;

export function isStreamName(name: string): boolean {
  return NAME.test(name) && name.length <= LIMITS.streamNameLength;
}

/** As it is when it is no encoded text. */
function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function readProducer(c: HttpContext): Producer | null {
  const id = c.req.header("producer-id");
  const epoch = c.req.header("producer-epoch");
  const seq = c.req.header("producer-seq");
  if (id === undefined && epoch === undefined && seq === undefined) return null;
  if (id === undefined || epoch === undefined || seq === undefined) {
    throw invalid("Producer-Id", "expected Producer-Id, Producer-Epoch and Producer-Seq together.");
  }
  if (id === "" || id.length > LIMITS.producerIdLength) {
    throw invalid("Producer-Id", `expected 1 to ${LIMITS.producerIdLength} characters.`);
  }
  return { id, epoch: wholeNumber("Producer-Epoch", epoch), seq: wholeNumber("Producer-Seq", seq) };
}

function wholeNumber(header: string, text: string): number {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw invalid(header, "expected a whole number, at most 9007199254740991.");
}

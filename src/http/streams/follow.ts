// Reads a stream and goes on as it grows: from its log until that is read, then from a socket to its object, and from the
// log again whenever the socket breaks off.

import { formatOffset, parseOffset } from "../../core/streams/offset";
import { toPayload } from "../../core/streams/payload";
import type { Deps } from "../../deps";
import type { From, StreamView } from "../../durable/stream-log";
import { errorField } from "../../log";
import { absent } from "./answer";
import { invalid } from "./request";
import type { Source } from "./source";

/** `payload`: a JSON array of messages, or a JSON string of bytes in base64 (core/streams/payload.ts). */
export type Part = { payload: string; isEmpty: boolean; offset: string; upToDate: boolean; closed: boolean };

/** A reader that is slower than that loses its socket, and reads the log instead. */
const MOST_HELD_CHARS = 4_000_000;

/** A stream that cannot be reached is asked again so soon. */
const RETRY_MS = 1_000;

export type Following = { stream: StreamView; parts: AsyncGenerator<Part> };

/** Throws when there is no such stream, or no such place in it. The first part comes at once, and may be empty. */
export async function follow(
  deps: Deps,
  source: Source,
  from: From,
  signal: AbortSignal,
): Promise<Following> {
  const first = await readPart(source, from);
  return { stream: first.stream, parts: goOn(deps, source, first, signal) };
}

/** Of a job that was submitted just now: there is nothing to read yet. */
export function followNew(deps: Deps, source: Source, signal: AbortSignal): Following {
  const next = { epoch: 0, at: 0 };
  const stream = { contentType: "application/json", ttlS: null, expiresAt: null, closed: false, next };
  const part = { payload: "[]", isEmpty: true, offset: formatOffset(next), upToDate: true, closed: false };
  return { stream, parts: goOn(deps, source, { stream, part }, signal) };
}

type ReadPart = { stream: StreamView; part: Part };

/** One part, from the log. Throws `not_found`, `stream_gone`, `invalid_request` (offset), `store_unavailable`. */
export async function readPart(source: Source, from: From): Promise<ReadPart> {
  const read = await source.read(from);
  if (read.kind === "bad_offset") throw invalid("offset", "expected one that this stream has given out.");
  if (read.kind !== "read") throw absent(read);
  const { data, next, epoch, upToDate, closed } = read.page;
  const payload = toPayload(read.stream.contentType, data);
  const part = {
    payload,
    isEmpty: data.byteLength === 0,
    offset: formatOffset({ epoch, at: next }),
    upToDate,
    closed,
  };
  return { stream: read.stream, part };
}

async function* goOn(deps: Deps, source: Source, first: ReadPart, signal: AbortSignal): AsyncGenerator<Part> {
  let { part } = first;
  yield part;
  while (!part.closed && !signal.aborted) {
    const from = parseOffset(part.offset) ?? "start";
    if (part.upToDate) {
      for await (const told of listen(deps, source, from, signal)) {
        part = told;
        yield part;
        if (part.closed) return;
      }
      if (signal.aborted) return;
    }
    const again = await readAgain(deps, source, parseOffset(part.offset) ?? "start");
    if (!again) return;
    if (!again.part.isEmpty || again.part.closed) yield again.part;
    part = again.part;
  }
}

/** Null: it is not there any more, another has its name, or it cannot be reached: whoever reads comes back with the offset. */
async function readAgain(deps: Deps, source: Source, from: From): Promise<ReadPart | null> {
  try {
    return await readPart(source, from);
  } catch (error) {
    deps.log("stream_away", { error: errorField(error) });
    return null;
  }
}

/** What is appended from there on, as it comes. Ends when the socket breaks off, or the reader is too slow. */
async function* listen(deps: Deps, source: Source, from: From, signal: AbortSignal): AsyncGenerator<Part> {
  const socket = await source.listen(from).catch((error) => {
    deps.log("stream_away", { error: errorField(error) });
    return null;
  });
  if (!socket) {
    await new Promise((again) => setTimeout(again, RETRY_MS));
    return;
  }
  const held: string[] = [];
  let chars = 0;
  let isOpen = true;
  let news = Promise.withResolvers<void>();
  const end = () => {
    isOpen = false;
    news.resolve();
  };
  socket.addEventListener("message", ({ data }) => {
    held.push(String(data));
    chars += String(data).length;
    if (chars > MOST_HELD_CHARS) {
      end();
      socket.close(1000, "too slow");
    }
    news.resolve();
  });
  socket.addEventListener("close", end);
  socket.addEventListener("error", end);
  signal.addEventListener("abort", end);
  socket.accept();
  try {
    while (true) {
      const frame = held.shift();
      if (frame !== undefined) {
        chars -= frame.length;
        yield toPart(frame);
      } else if (!isOpen) return;
      else {
        await news.promise;
        news = Promise.withResolvers();
      }
    }
  } finally {
    signal.removeEventListener("abort", end);
    socket.close(1000, "done");
  }
}

const FRAME = /^\{"offset":"(\d+_\d+)","closed":(true|false),"data":/;

function toPart(frame: string): Part {
  const [head = "", offset = "", closed = ""] = FRAME.exec(frame) ?? [];
  const payload = frame.slice(head.length, -1);
  return {
    payload,
    isEmpty: payload === "[]" || payload === '""',
    offset,
    upToDate: true,
    closed: closed === "true",
  };
}

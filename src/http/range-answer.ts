// Answers with the bytes of something that is stored, or with the range of them that is asked for.

import { type ByteRange, parseRange } from "../core/byte-range";
import { AppError } from "../core/errors";
import type { HttpContext } from "./context";

export type Stored = {
  /** For the log. */
  id: string;
  name: string;
  contentType: string;
  bytes: number;
  /** In quotes. */
  etag: string;
  open(range: ByteRange): Promise<ReadableStream>;
};

/** Throws `range_not_satisfiable`. */
export async function answerRange(c: HttpContext, stored: Stored): Promise<Response> {
  const { bytes: size, etag } = stored;
  const asked = c.req.header("range");
  const range = asked && (c.req.header("if-range") ?? etag) === etag ? parseRange(asked, size) : null;
  c.header("accept-ranges", "bytes");
  if (range === "none") {
    c.header("content-range", `bytes */${size}`);
    throw new AppError("range_not_satisfiable", { param: "Range" });
  }
  const { from, to } = range ?? { from: 0, to: size };
  const headers = {
    "content-type": stored.contentType,
    "content-length": String(to - from),
    "content-disposition": `attachment; filename*=UTF-8''${encodeFilename(stored.name)}`,
    // It is of somebody else's making: no browser is to run it under this origin.
    "x-content-type-options": "nosniff",
    etag,
    ...(range ? { "content-range": `bytes ${from}-${to - 1}/${size}` } : {}),
  };
  const isHead = c.req.raw.method === "HEAD";
  const body = isHead ? null : await openContent(c, stored, { from, to });
  return new Response(body, { status: range ? 206 : 200, headers });
}

/** Of a known length, which the platform then tells the client: what is cut off is seen to be. */
async function openContent(c: HttpContext, stored: Stored, range: ByteRange): Promise<ReadableStream> {
  const content = await stored.open(range);
  const { readable, writable } = new FixedLengthStream(range.to - range.from);
  content
    .pipeTo(writable)
    .catch((error) => c.var.deps.log("download_ended", { file: stored.id, error: String(error) }));
  return readable;
}

/** RFC 8187 lets fewer characters stand than encodeURIComponent does. */
function encodeFilename(name: string): string {
  return encodeURIComponent(name).replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
}

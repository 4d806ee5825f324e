// Reads the bodies of POST, PUT and PATCH with a bound on their size and depth, before anything parses them.

import { createMiddleware } from "hono/factory";
import { AppError } from "../../core/errors";
import { jsonDepth } from "../../core/json-depth";
import { LIMITS } from "../../core/limits";
import type { HttpEnv } from "../context";
import { readBody } from "../read-body";
import { credentialOf, identify } from "./authenticate";

const WITH_BODY = ["POST", "PUT", "PATCH"];

/** Bodies of POSTs to these paths may be larger than the small default. */
const MAX_BYTES: Record<string, number> = {
  "/v1/jobs": LIMITS.jobBodyBytes,
  "/v1/jobs/bulk": LIMITS.bulkBodyBytes,
  "/v1/batches": LIMITS.bulkBodyBytes,
  "/v1/batches/estimate": LIMITS.bulkBodyBytes,
  "/v1/generate": LIMITS.jobBodyBytes,
};

/** What is appended to streams, and what is in files, may be of any type, and is read by their routes. */
const RAW = /^(\w+ \/v1\/streams\/|POST \/v1\/files$|PUT \/v1\/files\/[^/]+\/parts\/)/;

/** Throws `unsupported_media_type`, `payload_too_large`, or `invalid_json` for text that nests too deep. */
export const jsonBody = createMiddleware<HttpEnv>(async (c, next) => {
  if (WITH_BODY.includes(c.req.method) && !RAW.test(`${c.req.method} ${c.req.path}`)) {
    const type = c.req.header("content-type");
    const maxBytes = c.req.method === "POST" ? MAX_BYTES[c.req.path] : undefined;
    // Megabytes are not read for strangers. What the caller may do is checked by the route.
    if (maxBytes !== undefined) await identify(c.var.deps, c.var.config, credentialOf(c));
    const text = await (await readBody(c, maxBytes ?? LIMITS.smallBodyBytes)).text();
    // An empty body without a type is no body: what cancel and retry get.
    if (text !== "" || type !== undefined) checkJson(text, type ?? "");
    const { url, method, signal } = c.req.raw;
    const headers = new Headers(c.req.raw.headers);
    // In the one spelling that all of what follows understands.
    headers.set("content-type", "application/json");
    c.req.raw = new Request(url, { method, headers, signal, body: text });
  }
  await next();
});

function checkJson(text: string, type: string): void {
  if (!/^application\/json\s*(;|$)/i.test(type)) throw new AppError("unsupported_media_type");
  if (jsonDepth(text) > LIMITS.jsonDepth) {
    throw new AppError("invalid_json", { message: `The JSON nests deeper than ${LIMITS.jsonDepth} levels.` });
  }
}

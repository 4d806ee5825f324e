// The Hono app: what every request passes, then the routes.

import { OpenAPIHono } from "@hono/zod-openapi";
import { cors } from "hono/cors";
import { AppError } from "../core/errors";
import type { App, HttpContext, HttpEnv } from "./context";
import { documentRoutes } from "./document";
import { invalidRequest } from "./invalid-request";
import { jsonBody } from "./middleware/json-body";
import { onError, respond } from "./middleware/on-error";
import { ready, requestId } from "./middleware/ready";
import { batchActionRoutes } from "./routes/batch-actions";
import { batchRoutes } from "./routes/batches";
import { budgetRoutes } from "./routes/budgets";
import { cacheRoutes } from "./routes/cache";
import { eventRoutes } from "./routes/events";
import { failureRoutes } from "./routes/failures";
import { fileUploadRoutes } from "./routes/file-uploads";
import { fileRoutes } from "./routes/files";
import { generateRoutes } from "./routes/generate";
import { healthRoutes } from "./routes/health";
import { jobActionRoutes } from "./routes/job-actions";
import { jobFileRoutes } from "./routes/job-files";
import { jobStreamRoutes } from "./routes/job-stream";
import { jobRoutes } from "./routes/jobs";
import { keyRoutes } from "./routes/keys";
import { operationRoutes } from "./routes/operations";
import { pauseRoutes } from "./routes/pauses";
import { poolRoutes } from "./routes/pools";
import { projectRoutes } from "./routes/projects";
import { streamRoutes } from "./routes/streams";
import { submitRoutes } from "./routes/submit";
import { taskRoutes } from "./routes/tasks";
import { tokenRoutes } from "./routes/tokens";
import { usageRoutes } from "./routes/usage";

export function createApp(): App {
  const app: App = new OpenAPIHono<HttpEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalidRequest(result.error.issues, result.target);
    },
  });
  app.onError(onError);
  app.notFound((c) => respond(c, notFound(app, c)));
  app.use(requestId, crossOrigin, ready, jsonBody);
  submitRoutes(app);
  generateRoutes(app);
  cacheRoutes(app);
  operationRoutes(app);
  failureRoutes(app);
  poolRoutes(app);
  jobRoutes(app);
  jobFileRoutes(app);
  batchRoutes(app);
  batchActionRoutes(app);
  jobActionRoutes(app);
  eventRoutes(app);
  jobStreamRoutes(app);
  streamRoutes(app);
  fileRoutes(app);
  fileUploadRoutes(app);
  tokenRoutes(app);
  pauseRoutes(app);
  projectRoutes(app);
  keyRoutes(app);
  budgetRoutes(app);
  usageRoutes(app);
  taskRoutes(app);
  healthRoutes(app);
  documentRoutes(app);
  return app;
}

const STREAM_REQUEST_HEADERS = [
  ...[
    "if-none-match",
    "stream-seq",
    "stream-ttl",
    "stream-expires-at",
    "stream-closed",
    "stream-forked-from",
  ],
  ...["stream-fork-offset", "stream-fork-sub-offset", "producer-id", "producer-epoch", "producer-seq"],
];
const STREAM_RESPONSE_HEADERS = [
  ...[
    "etag",
    "stream-next-offset",
    "stream-cursor",
    "stream-up-to-date",
    "stream-closed",
    "stream-sse-data-encoding",
  ],
  ...["producer-epoch", "producer-seq", "producer-expected-seq", "producer-received-seq"],
];

/** Which web origins may call is a setting; no cookies are used, so that "*" gives nothing away. */
const crossOrigin = cors({
  origin: (origin, c: HttpContext) => {
    const allowed = (c.env.CORS_ORIGINS ?? "*").split(",").map((one) => one.trim());
    if (allowed.includes("*")) return "*";
    return allowed.includes(origin) ? origin : null;
  },
  allowHeaders: [
    "authorization",
    "content-type",
    "idempotency-key",
    "prefer",
    "last-event-id",
    "content-digest",
    "range",
    "if-range",
    ...STREAM_REQUEST_HEADERS,
  ],
  exposeHeaders: [
    "location",
    "retry-after",
    "x-request-id",
    "accept-ranges",
    "content-range",
    ...STREAM_RESPONSE_HEADERS,
  ],
  maxAge: 86_400,
});

/** 405 with the methods that the path takes, or 404. */
function notFound(app: App, c: HttpContext): AppError {
  const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"].filter((method) =>
    hasRoute(app, method, c.req.path),
  );
  if (methods.length === 0) return new AppError("not_found", { message: "No such path. See /docs." });
  const allowed = methods.join(", ");
  c.header("allow", allowed);
  return new AppError("method_not_allowed", { message: `This path takes ${allowed}.` });
}

/** Middleware matches every path; a route has a handler of its own method. */
function hasRoute(app: App, method: string, path: string): boolean {
  return app.router.match(method, path)[0].some(([[, route]]) => route.method === method);
}

// /v1/batches/{id}/output, /errors, /cancel and /retry: what a batch has done, and what is done to it.

import { createRoute, type RouteConfig, z } from "@hono/zod-openapi";
import { batchSchema } from "../../contract/batch";
import { AppError } from "../../core/errors";
import type { Job } from "../../core/job";
import { cancelAll } from "../../engine/cancel";
import { retry } from "../../engine/retry";
import { batchOutput } from "../batch-output";
import type { App } from "../context";
import { failures, json } from "../responses";
import { findBatch, showBatch } from "../show-batch";
import { batchParams, reading, writing } from "./batches";

// Widened on purpose: a typed answer could not be a stream.
const jsonLines: RouteConfig["responses"][string] = {
  description:
    "JSON Lines in the order of the input: what is there so far, or all of it once the batch has ended.",
  content: { "application/jsonl": { schema: z.string() } },
};

const jsonLinesOrCsv: RouteConfig["responses"][string] = {
  ...jsonLines,
  content: { "application/jsonl": { schema: z.string() }, "text/csv": { schema: z.string() } },
};

const getOutput = createRoute({
  ...reading,
  method: "get",
  path: "/v1/batches/{id}/output",
  summary: "Get the outputs of a batch",
  description:
    "A line an item that has completed: `{index, custom_id, job, output, usage}`. Of task bulk_generate with its `row` too, or as CSV.",
  request: { params: batchParams },
  responses: { 200: jsonLinesOrCsv, ...failures },
});

const getErrors = createRoute({
  ...reading,
  method: "get",
  path: "/v1/batches/{id}/errors",
  summary: "Get the errors of a batch",
  description:
    "A line an item that has failed or was cancelled: `{index, custom_id, job, state, error, usage}`.",
  request: { params: batchParams },
  responses: { 200: jsonLines, ...failures },
});

const cancelBatch = createRoute({
  ...writing,
  method: "post",
  path: "/v1/batches/{id}/cancel",
  summary: "Cancel a batch",
  description: "Nothing of it is started any more. What has completed is kept, and is in its output.",
  request: { params: batchParams },
  responses: { 200: json(batchSchema, "The batch."), ...failures },
});

const retryBatch = createRoute({
  ...writing,
  method: "post",
  path: "/v1/batches/{id}/retry",
  summary: "Redo what failed of a batch",
  description:
    "Items that have failed or were cancelled run again, and the rest of its file is read. What has completed stays.",
  request: { params: batchParams },
  responses: { 202: json(batchSchema, "The batch."), ...failures },
});

export function batchActionRoutes(app: App): void {
  app.openapi(getOutput, async (c) =>
    batchOutput(c.var.deps, await findBatch(c, c.req.valid("param").id), "output"),
  );

  app.openapi(getErrors, async (c) =>
    batchOutput(c.var.deps, await findBatch(c, c.req.valid("param").id), "errors"),
  );

  app.openapi(cancelBatch, async (c) => {
    const job = await findBatch(c, c.req.valid("param").id);
    const [moved] = await cancelAll(c.var.deps, [job]);
    return c.json(await showBatch(c, moved ?? job), 200);
  });

  app.openapi(retryBatch, async (c) => {
    const job = await findBatch(c, c.req.valid("param").id);
    // As a job it would be run anew, and every item paid for again.
    if (job.state === "completed" && !hasLost(job)) throw new AppError("nothing_to_retry");
    return c.json(await showBatch(c, await retry(c.var.deps, job)), 202);
  });
}

function hasLost({ children }: Job): boolean {
  return children !== null && children.failed + children.cancelled > 0;
}

// /v1/batches: one task over many inputs. A batch is a job of the task `batch` or `bulk_generate`; these routes are a view of it.

import { createRoute, z } from "@hono/zod-openapi";
import { batchSchema, batchSettings, estimateSchema } from "../../contract/batch";
import { pageOf } from "../../contract/envelope";
import { channelSchema, stateSchema, tagSchema } from "../../contract/job";
import { AppError } from "../../core/errors";
import { isJobId } from "../../core/ids";
import { LIMITS } from "../../core/limits";
import { checkItems } from "../../engine/check-items";
import { type Estimate, estimateBatch } from "../../engine/estimate-batch";
import { listJobs } from "../../store/job-list";
import { batch } from "../../tasks/batch";
import { batchFields, EITHER } from "../../tasks/batch-input";
import { batchTasks } from "../../tasks/index";
import type { App } from "../context";
import { allow } from "../middleware/authenticate";
import { bearer, body, failures, json } from "../responses";
import { findBatch, showBatch } from "../show-batch";
import { submitAs } from "../submit-as";
import { idempotencyHeader } from "./submit";

const tags = ["Batches"];
const security = bearer;
export const writing = { tags, security, middleware: allow({ scope: "jobs:write", token: null }) };
export const reading = { tags, security, middleware: allow({ scope: "jobs:read", token: "read" }) };

export const batchParams = z.object({
  id: z.string().openapi({ description: "The batch's id, which is that of its job." }),
});

const createBatchSchema = z
  .strictObject({ ...batchFields, ...batchSettings })
  .refine(EITHER.check, EITHER.problem)
  .openapi("CreateBatch");

const createBatch = createRoute({
  ...writing,
  method: "post",
  path: "/v1/batches",
  summary: "Start a batch",
  description:
    "One task over up to 1,000 `items`, or over the lines of a file (`file_id`, JSON Lines, up to 50,000 lines and 200 MB). Items are jobs of lane `bulk`. " +
    "Of `items` all must fit the task; a line of a file that does not is an error in `/errors`, and the others go on.",
  request: { ...body(createBatchSchema), headers: idempotencyHeader },
  responses: {
    200: json(batchSchema, "An equal request had made this batch before."),
    202: json(batchSchema, "It is stored and will run."),
    ...failures,
  },
});

const estimate = createRoute({
  ...writing,
  method: "post",
  path: "/v1/batches/estimate",
  summary: "Estimate a batch",
  description:
    "Tokens, money and time of a batch that is not started: from prices, limits, and what the task has used before.",
  request: body(z.strictObject(batchFields).refine(EITHER.check, EITHER.problem).openapi("EstimateBatch")),
  responses: { 200: json(estimateSchema, "What it would take."), ...failures },
});

const listBatches = createRoute({
  ...reading,
  method: "get",
  path: "/v1/batches",
  summary: "List batches, newest first",
  request: {
    query: z.object({
      state: stateSchema.optional(),
      channel: channelSchema.optional(),
      tag: tagSchema.optional(),
      limit: z.coerce.number().int().min(1).max(LIMITS.pageSize).default(20),
      cursor: z.string().max(64).optional().openapi({ description: "`next_cursor` of the page before." }),
    }),
  },
  responses: {
    200: json(pageOf(batchSchema), "A page. It may be short and still have a next."),
    ...failures,
  },
});

const getBatch = createRoute({
  ...reading,
  method: "get",
  path: "/v1/batches/{id}",
  summary: "Get a batch",
  request: { params: batchParams },
  responses: { 200: json(batchSchema, "How far it is."), ...failures },
});

export function batchRoutes(app: App): void {
  app.openapi(createBatch, async (c) => {
    const { channel, tags, metadata, lane, priority, run_at, delay_s, ...others } = c.req.valid("json");
    const { expires_in_s, retention_s, fair_key, on_budget, ...input } = others;
    checkItems(c.var.deps, input);
    const settings = {
      channel,
      tags,
      metadata,
      priority,
      run_at,
      delay_s,
      expires_in_s,
      retention_s,
      fair_key,
      on_budget,
    };
    const key = c.req.valid("header")["idempotency-key"];
    const request = {
      ...settings,
      task: batch.name,
      input,
      lane,
      idempotency_key: key,
    };
    const [submitted] = await submitAs(c, { jobs: [request] });
    if (!submitted)
      throw new AppError("not_found", { message: "The batch of this idempotency key was erased just now." });
    c.header("location", `/v1/batches/${submitted.job.id}`);
    return c.json(await showBatch(c, submitted.job), submitted.created ? 202 : 200);
  });

  app.openapi(estimate, async (c) => {
    const { deps, caller } = c.var;
    const estimated = await estimateBatch(deps, caller.projectId, c.req.valid("json"));
    return c.json(presentEstimate(estimated), 200);
  });

  app.openapi(listBatches, async (c) => {
    const { deps, caller } = c.var;
    const { limit, cursor, ...filter } = c.req.valid("query");
    if (cursor !== undefined && !isJobId(cursor)) throw new AppError("invalid_cursor", { param: "cursor" });
    if (caller.kind === "token") {
      if (caller.channel === null)
        throw new AppError("forbidden", { message: "This token is for one job only." });
      filter.channel = caller.channel;
    }
    const wanted = { ...filter, tasks: batchTasks };
    const page = await listJobs(deps.db, caller.projectId, wanted, limit, cursor ?? null);
    const data = await Promise.all(page.jobs.map((job) => showBatch(c, job)));
    return c.json(
      { object: "list" as const, data, has_more: page.next !== null, next_cursor: page.next },
      200,
    );
  });

  app.openapi(getBatch, async (c) =>
    c.json(await showBatch(c, await findBatch(c, c.req.valid("param").id)), 200),
  );
}

function presentEstimate({
  inputTokens,
  outputTokens,
  costUsd,
  durationS,
  ...same
}: Estimate): z.infer<typeof estimateSchema> {
  const used = {
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    cost_usd: costUsd,
    duration_s: durationS,
  };
  return { object: "batch_estimate", ...same, ...used };
}

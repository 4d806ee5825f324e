// What the client says of the wire is what the contract says: compared by the compiler, and where types are not enough here.

import type { z } from "@hono/zod-openapi";
import { describe, expect, expectTypeOf, it } from "vitest";
import { type ErrorCode as ClientCode, isPassing } from "../../client/src/error-codes";
import type * as Client from "../../client/src/index";
import { toBulkBody, toSubmitBody, WIRE_NAMES } from "../../client/src/submit-options";
import type {
  createKeySchema,
  createTokenSchema,
  keySchema,
  newKeySchema,
  tokenSchema,
} from "../../src/contract/access";
import type { BatchOnWire, batchSettings, estimateSchema } from "../../src/contract/batch";
import type { purgedSchema, purgeSchema } from "../../src/contract/cache";
import type { errorSchema, pageOf } from "../../src/contract/envelope";
import type { fileSchema, jobFileSchema } from "../../src/contract/file";
import type * as Frames from "../../src/contract/frames";
import type { JobOnWire, jobSchema } from "../../src/contract/job";
import type { cancelJobsSchema, OperationOnWire, retryJobsSchema } from "../../src/contract/operation";
import type { ExplanationOnWire, PoolOnWire } from "../../src/contract/pool";
import { bulkSchema, type generateSchema, submitSchema } from "../../src/contract/submit";
import type { usageSchema } from "../../src/contract/usage";
import { ERRORS, type ErrorCode } from "../../src/core/errors";
import type * as Events from "../../src/core/events";
import type { LogMessage } from "../../src/core/streams/job-log";
import { tasks } from "../../src/tasks";
import type { batchInput } from "../../src/tasks/batch-input";
import { bulkGenerate } from "../../src/tasks/bulk-generate";
import { classify } from "../../src/tasks/classify";
import { embed } from "../../src/tasks/embed";
import { extract } from "../../src/tasks/extract";
import { generate } from "../../src/tasks/generate";
import { moderate } from "../../src/tasks/moderate";
import { summarize } from "../../src/tasks/summarize";
import { translate } from "../../src/tasks/translate";
import { call } from "../support/http-client";

/** Intersections as one object, all the way down: how a type is written does not matter. */
type Flat<T> = T extends object ? { [K in keyof T]: Flat<T[K]> } : T;

/** Whether each has all fields of the other, with the same types, and the same are optional. */
type Equal<A, B> =
  (<T>() => T extends Flat<A> ? 1 : 2) extends <T>() => T extends Flat<B> ? 1 : 2 ? true : false;

type In<T extends { input: z.ZodType }> = z.output<T["input"]>;
type Out<T extends { output: z.ZodType }> = z.output<T["output"]>;

/** Compiles only if all are true. */
function allTrue<_Checks extends true[]>(): void {}

describe("the client's types", () => {
  it("tell differences apart", () => {
    expectTypeOf<Equal<{ a: 1 } & { b: 2 }, { a: 1; b: 2 }>>().toEqualTypeOf<true>();
    expectTypeOf<Equal<{ a: 1 }, { a?: 1 }>>().toEqualTypeOf<false>();
    expectTypeOf<Equal<{ a: "x" }, { a: string }>>().toEqualTypeOf<false>();
    expectTypeOf<Equal<{ a: unknown }, { a: null }>>().toEqualTypeOf<false>();
    expectTypeOf<Equal<{ a: { b: 1 }[] }, { a: { b: 1; c: 1 }[] }>>().toEqualTypeOf<false>();
  });

  it("of jobs, requests and errors are those of the contract", () => {
    allTrue<
      [
        Equal<Client.Batch, BatchOnWire>,
        Equal<Client.BatchEstimate, z.infer<typeof estimateSchema>>,
        Equal<Client.BatchInput, z.input<typeof batchInput>>,
        Equal<Client.BatchBody, z.input<typeof batchInput> & z.input<z.ZodObject<typeof batchSettings>>>,
        Equal<Client.Job, JobOnWire>,
        Equal<Client.SubmitBody, z.input<typeof submitSchema>>,
        Equal<Client.GenerateBody, z.input<typeof generateSchema>>,
        Equal<Client.BulkBody, z.input<typeof bulkSchema>>,
        Equal<Client.Explanation, ExplanationOnWire>,
        Equal<Client.Page<Client.Job>, z.output<ReturnType<typeof pageOf<typeof jobSchema>>>>,
        Equal<Client.ErrorBody, z.output<typeof errorSchema>>,
        Equal<ClientCode, ErrorCode>,
      ]
    >();
  });

  it("of files are those of the contract", () => {
    allTrue<
      [
        Equal<Client.StoredFile, z.output<typeof fileSchema>>,
        Equal<Client.JobFile, z.output<typeof jobFileSchema>>,
      ]
    >();
  });

  it("of usage, pools, operations, keys and tokens are those of the contract", () => {
    allTrue<
      [
        Equal<Client.UsageReport, z.output<typeof usageSchema>>,
        Equal<Client.Pool, PoolOnWire>,
        Equal<Client.PurgeBody, z.input<typeof purgeSchema>>,
        Equal<Client.Purged, z.output<typeof purgedSchema>>,
        Equal<Client.Operation, OperationOnWire>,
        Equal<Client.CancelAllBody, z.input<typeof cancelJobsSchema>>,
        Equal<Client.RetryAllBody, z.input<typeof retryJobsSchema>>,
        Equal<Client.ApiKey, z.output<typeof keySchema>>,
        Equal<Client.NewApiKey, z.output<typeof newKeySchema>>,
        Equal<Client.KeyOptions, z.input<typeof createKeySchema>>,
        Equal<Client.TokenBody, z.input<typeof createTokenSchema>>,
        Equal<Client.Token, z.output<typeof tokenSchema>>,
      ]
    >();
  });

  it("of frames and of messages on streams are those of the server", () => {
    allTrue<
      [
        Equal<Client.Frame, Frames.Frame>,
        Equal<Client.SnapshotFrame, Frames.SnapshotFrame>,
        Equal<Client.ResetFrame, Frames.ResetFrame>,
        Equal<Client.EventFrame, Frames.EventFrame>,
        Equal<Client.MoveEvent, Events.MoveEvent>,
        Equal<Client.ProgressEvent, Events.ProgressEvent>,
        // The client may know messages that this server does not send.
        LogMessage extends Client.StreamMessage ? true : false,
      ]
    >();
  });

  it("of tasks are those of the tasks' schemas", () => {
    allTrue<
      [
        Equal<Client.Tasks["generate"]["input"], In<typeof generate>>,
        Equal<Client.Tasks["generate"]["output"], Out<typeof generate>>,
        Equal<Client.Tasks["extract"]["input"], In<typeof extract>>,
        Equal<Client.Tasks["extract"]["output"], Out<typeof extract>>,
        Equal<Client.Tasks["classify"]["input"], In<typeof classify>>,
        Equal<Client.Tasks["classify"]["output"], Out<typeof classify>>,
        Equal<Client.Tasks["moderate"]["input"], In<typeof moderate>>,
        Equal<Client.Tasks["moderate"]["output"], Out<typeof moderate>>,
        Equal<Client.Tasks["bulk_generate"]["input"], In<typeof bulkGenerate>>,
        Equal<Client.Tasks["bulk_generate"]["output"], Out<typeof bulkGenerate>>,
        Equal<Client.Tasks["embed"]["input"], In<typeof embed>>,
        Equal<Client.Tasks["embed"]["output"], Out<typeof embed>>,
        Equal<Client.Tasks["summarize"]["input"], In<typeof summarize>>,
        Equal<Client.Tasks["summarize"]["output"], Out<typeof summarize>>,
        Equal<Client.Tasks["translate"]["input"], In<typeof translate>>,
        Equal<Client.Tasks["translate"]["output"], Out<typeof translate>>,
      ]
    >();
    const single = { generate, extract, classify, moderate, embed, summarize, translate };
    const known = { ...single, bulk_generate: bulkGenerate } satisfies Record<Client.TaskName, object>;
    // Batches have a part of the client to themselves.
    expect(tasks.map((task) => task.name).sort()).toEqual(["batch", ...Object.keys(known)].sort());
  });

  it("have an option for every field with which a job can be submitted", () => {
    type Named = (typeof WIRE_NAMES)[keyof typeof WIRE_NAMES];
    allTrue<
      [
        Equal<Named | "task" | "input", keyof z.input<typeof submitSchema>>,
        Equal<
          { [K in keyof Client.JobOptions as (typeof WIRE_NAMES)[K]]: Exclude<Client.JobOptions[K], Date> },
          Omit<z.input<typeof submitSchema>, "task" | "input">
        >,
      ]
    >();
    expect(Object.keys(submitSchema.shape).sort()).toEqual(
      [...Object.values(WIRE_NAMES), "task", "input"].sort(),
    );
  });
});

describe("options", () => {
  const options: Required<Omit<Client.JobOptions, "runAt">> = {
    channel: "c",
    tags: ["t"],
    metadata: { a: 1 },
    lane: "bulk",
    priority: 1,
    delayS: 1,
    expiresInS: 2,
    maxAttempts: 3,
    timeoutS: 4,
    retentionS: 5,
    fairKey: "f",
    concurrency: { key: "k", limit: 1 },
    onBudget: "fail",
    cache: { ttl_s: 6, stale_s: 7, mode: "refresh", scope: "s", tags: ["t"] },
    stream: true,
  };

  it("arrive under the names of the wire, and those that are not set not at all", () => {
    const body = JSON.parse(JSON.stringify(toSubmitBody("generate", {}, { ...options, runAt: undefined })));
    expect(submitSchema.parse(body)).toEqual({ task: "generate", input: {}, ...renamed(options) });
    const runAt = new Date("2099-01-02T03:04:05.678Z");
    const dated = JSON.parse(JSON.stringify(toSubmitBody("generate", {}, { runAt })));
    expect(submitSchema.parse(dated)).toEqual({
      task: "generate",
      input: {},
      run_at: "2099-01-02T03:04:05.678Z",
    });
  });

  it("of each job of a bulk arrive in the same way, with its own idempotency key", () => {
    const job = { task: "generate" as const, input: { prompt: "a" } };
    const body = toBulkBody([{ ...job, ...options, idempotencyKey: "mine" }, job]);
    expect(bulkSchema.parse(body).jobs).toEqual([
      { ...job, ...renamed(options), idempotency_key: "mine" },
      job,
    ]);
  });

  function renamed(said: object): object {
    return Object.fromEntries(
      Object.entries(said).map(([name, value]) => [WIRE_NAMES[name as keyof typeof WIRE_NAMES], value]),
    );
  }
});

describe("errors", () => {
  it("are repeated when the server's table says so", () => {
    const ofRequests = Object.entries(ERRORS).filter(([, { type }]) => !/provider|task/.test(type));
    expect(ofRequests.length).toBeGreaterThan(20);
    for (const [code, { status, retryable }] of ofRequests)
      expect([code, isPassing(status, code)]).toEqual([code, retryable]);
  });
});

it("a task of the list is what the client says it is", async () => {
  const { body } = await call<Client.List<Client.Task>>("GET", "/v1/tasks");
  const [task] = body.data;
  const shape: Record<keyof Client.Task, unknown> = {
    name: "generate",
    object: "task",
    description: expect.any(String),
    defaults: { max_attempts: 5, timeout_s: 600 },
    input_schema: expect.any(Object),
    output_schema: expect.any(Object),
  };
  expect(task).toEqual(shape);
});

it("health is what the client says it is", async () => {
  const { body } = await call<Client.Health>("GET", "/health");
  const shape: Record<keyof Client.Health, unknown> = {
    status: "ok",
    version: expect.any(String),
    checks: expect.objectContaining({ database: { ok: true, reason: null }, models: expect.any(Object) }),
  };
  expect(body).toEqual(shape);
});

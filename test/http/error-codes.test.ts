import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { childId } from "../../src/core/children";
import { ERRORS, type ErrorCode } from "../../src/core/errors";
import { createVault } from "../../src/store/vault";
import { endedBatch, saying, startBatch } from "../support/batches";
import { wrapDb } from "../support/faulty-db";
import { upload } from "../support/files";
import {
  type Answer,
  call,
  createProject,
  expectError,
  generate,
  later,
  mint,
  submit,
} from "../support/http-client";
import { changeRow } from "../support/rows";

const JSON_TYPE = { "content-type": "application/json" };
const post = (json: unknown, headers: Record<string, string> = {}) =>
  call("POST", "/v1/jobs", { json, headers });

/** A database that says of itself, with the answer to an INSERT, that it is so large. */
function databaseOf(size_after: number): D1Database {
  return new Proxy(env.DB, {
    get(target, name) {
      if (name !== "batch") return Reflect.get(target, name).bind(target);
      return async (statements: D1PreparedStatement[]) =>
        (await target.batch(statements)).map((result) => ({
          ...result,
          meta: { ...result.meta, size_after },
        }));
    },
  });
}

const stream = (method: string, name: string, headers: Record<string, string> = {}, text?: string) =>
  call(method, `/v1/streams/${name}`, { text, headers: { "content-type": "text/plain", ...headers } });

async function begunUpload(): Promise<string> {
  return (await call<{ id: string }>("POST", "/v1/files/uploads", { json: { name: "begun" } })).body.id;
}

const FAILING = {
  task: "generate",
  items: [{ input: { prompt: "x", model: "sandbox/chat!status=400" } }],
};

/** One way to each code that a request can be answered with. */
const WAYS: Partial<Record<ErrorCode, () => Promise<Answer<unknown>>>> = {
  invalid_request: () => post({}),
  invalid_json: () => call("POST", "/v1/jobs", { text: "{", headers: JSON_TYPE }),
  invalid_cursor: () => call("GET", "/v1/jobs?cursor=x"),
  unauthorized: () => call("GET", "/v1/jobs", { key: null }),
  forbidden: () => call("DELETE", "/v1/projects/default"),
  not_found: () => call("GET", "/v1/jobs/x"),
  method_not_allowed: () => call("PUT", "/v1/jobs"),
  idempotency_mismatch: async () => {
    await post(later(), { "idempotency-key": "k" });
    return post(later({ priority: 1 }), { "idempotency-key": "k" });
  },
  job_not_final: async () => call("POST", `/v1/jobs/${(await submit(later())).id}/retry`),
  output_not_ready: async () => call("GET", `/v1/jobs/${(await submit(later())).id}/output`),
  parent_ended: async () => {
    const { id } = await endedBatch((await startBatch(FAILING)).id);
    return call("POST", `/v1/jobs/${childId(id, 0)}/retry`);
  },
  nothing_to_retry: async () => {
    const { id } = await endedBatch((await startBatch({ task: "generate", items: [saying("a")] })).id);
    return call("POST", `/v1/batches/${id}/retry`);
  },
  project_exists: () => call("POST", "/v1/projects", { json: { id: "default" } }),
  too_many_jobs: async () => {
    const key = await createProject("full");
    return call("POST", "/v1/jobs/bulk", {
      key,
      json: { jobs: [later(), later()] },
      env: { ...env, MAX_OPEN_JOBS: "1" },
    });
  },
  stream_exists: async () => {
    await stream("PUT", "taken");
    return stream("PUT", "taken", { "content-type": "text/html" });
  },
  stream_closed: async () => {
    await stream("PUT", "closed", { "stream-closed": "true" });
    return stream("POST", "closed", {}, "more");
  },
  content_type_mismatch: async () => {
    await stream("PUT", "typed");
    return stream("POST", "typed", { "content-type": "text/html" }, "more");
  },
  sequence_conflict: async () => {
    await stream("PUT", "ordered");
    return stream("POST", "ordered", { "producer-id": "p", "producer-epoch": "0", "producer-seq": "7" }, "x");
  },
  producer_fenced: async () => {
    await stream("PUT", "fenced");
    const by = (epoch: string) => ({ "producer-id": "p", "producer-epoch": epoch, "producer-seq": "0" });
    await stream("POST", "fenced", by("2"), "new");
    return stream("POST", "fenced", by("1"), "old");
  },
  stream_gone: async () => {
    await stream("PUT", "source");
    await stream("PUT", "fork", { "stream-forked-from": "/v1/streams/source" });
    await stream("DELETE", "source");
    return stream("GET", "source");
  },
  stream_full: async () => {
    const text = "x".repeat(8_000_000);
    await stream("PUT", "much", {}, text);
    for (let i = 0; i < 7; i++) await stream("POST", "much", {}, text);
    return stream("POST", "much", {}, "x");
  },
  file_not_ready: async () => call("GET", `/v1/files/${await begunUpload()}/content`),
  upload_incomplete: async () => call("POST", `/v1/files/${await begunUpload()}/complete`, { json: {} }),
  upload_ended: async () => call("PUT", `/v1/files/${(await upload("x")).id}/parts/1`, { text: "x" }),
  digest_mismatch: () => {
    const headers = { "content-digest": `sha-256=:${new Uint8Array(32).toBase64()}:` };
    return call("POST", "/v1/files", { text: "x", headers });
  },
  range_not_satisfiable: async () =>
    call("GET", `/v1/files/${(await upload("x")).id}/content`, { headers: { range: "bytes=1-" } }),
  payload_too_large: () => call("POST", "/v1/tokens", { text: " ".repeat(70_000), headers: JSON_TYPE }),
  unsupported_media_type: () =>
    call("POST", "/v1/jobs", { text: "{}", headers: { "content-type": "text/plain" } }),
  input_invalid: () => post({ task: "generate", input: {} }),
  unknown_task: () => post({ task: "transcribe", input: {} }),
  unknown_model: () => post(generate({}, "sandbox/none")),
  unknown_pool: () => call("POST", "/v1/pauses", { json: { pool: "sandbox/none" } }),
  no_model_configured: () =>
    call("POST", "/v1/jobs", { json: later(), env: { ...env, SANDBOX: "off", PROVIDERS: "[]" } }),
  price_unknown: async () => {
    const key = await createProject("thrifty");
    await call("PUT", "/v1/projects/thrifty/budget", { json: { usd_per_day: 1 } });
    const models = [{ name: "unpriced", kind: "chat" }];
    const PROVIDERS = JSON.stringify([{ name: "acme", base_url: "https://acme.test/v1", models }]);
    return call("POST", "/v1/jobs", {
      key,
      json: later({ input: { prompt: "Hi" } }),
      env: { ...env, PROVIDERS, SANDBOX: "off" },
    });
  },
  quota_exceeded: async () => {
    const key = await createProject("hasty");
    await call("PUT", "/v1/projects/hasty/budget", { json: { jobs_per_minute: 1 } });
    return call("POST", "/v1/jobs/bulk", { key, json: { jobs: [later(), later()] } });
  },
  rate_limited: async () => {
    const key = await mint({ channel: "c", allow: ["submit"] });
    const answers = await Promise.all(
      Array.from({ length: 130 }, () => call("POST", "/v1/jobs", { key, json: later() })),
    );
    return answers.find(({ status }) => status === 429) ?? Promise.reject(new Error("no 429"));
  },
  token_exhausted: async () => {
    const key = await mint({ channel: "c", allow: ["submit"], max_jobs: 1 });
    await submit(later(), { key });
    return call("POST", "/v1/jobs", { key, json: later() });
  },
  storage_full: async () => {
    const DB = databaseOf(9_100_000_000);
    await call("POST", "/v1/jobs", { json: later(), env: { ...env, DB } });
    return call("POST", "/v1/jobs", { json: later(), env: { ...env, DB } });
  },
  object_missing: async () => {
    const { id } = await submit(later());
    await changeRow(id, { input: null, input_key: "default/nowhere" });
    return call("GET", `/v1/jobs/${id}/input`);
  },
  seal_broken: async () => {
    const { id } = await submit(later());
    const sealed = await createVault([{ id: "gone", secret: new Uint8Array(32) }]).sealText(
      { projectId: "default", id },
      "{}",
    );
    await changeRow(id, { input: sealed });
    return call("GET", `/v1/jobs/${id}/input`);
  },
  internal: async () => {
    // A constraint that fails is a bug of ours, and not the database being away.
    const DB = new Proxy(env.DB, {
      get: (target, name) =>
        name === "batch"
          ? () => Promise.reject(new Error("D1_ERROR: CHECK constraint failed: secret detail"))
          : Reflect.get(target, name).bind(target),
    });
    return call("POST", "/v1/jobs", { json: later(), env: { ...env, DB } });
  },
  not_configured: () => call("GET", "/health", { env: { ...env, ROOT_KEY: undefined } }),
  not_migrated: () => {
    const missing = env.DB.prepare("SELECT * FROM a_table_that_is_to_come");
    const DB = Object.assign(Object.create(env.DB), { prepare: () => ({ bind: () => missing }) });
    return call("GET", "/v1/jobs", { env: { ...env, DB } });
  },
  store_unavailable: async () => {
    const { db, fail } = wrapDb(env.DB);
    fail(1);
    return call("GET", "/v1/jobs", { env: { ...env, DB: db } });
  },
};

/** What only a job meets, which then bears it as its `error`. */
function isOfJobs(code: string): boolean {
  return ["provider_error", "task_error"].includes(ERRORS[code as ErrorCode].type);
}

describe("every error code of a request", () => {
  it("has a way to it here", () => {
    const codes = Object.keys(ERRORS).filter((code) => !isOfJobs(code));
    expect(Object.keys(WAYS).sort()).toEqual(codes.sort());
  });

  it.each(Object.entries(WAYS))(
    "%s reaches the client in the envelope, with its own status",
    async (code, way) => {
      const answer = await way();
      const error = expectError(answer, code as ErrorCode);
      expect(answer.status).toBe(ERRORS[code as ErrorCode].status);
      expect(error.message.length).toBeGreaterThan(10);
    },
  );

  it("that is our fault tells nothing of what went wrong inside", async () => {
    const answer = (await WAYS.internal?.()) as Answer<unknown>;
    expectError(answer, "internal");
    expect(answer.text).not.toMatch(/secret detail|constraint|D1|stack|\.ts/);
  });

  it("that may pass has Retry-After", async () => {
    for (const code of ["rate_limited", "store_unavailable"] as const) {
      const answer = await WAYS[code]?.();
      expect(Number(answer?.headers.get("retry-after")), code).toBeGreaterThan(0);
    }
  });
});

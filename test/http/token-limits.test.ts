import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { JobOnWire } from "../../src/contract/job";
import { wrapDb } from "../support/faulty-db";
import { call, expectError, type List, later, mint } from "../support/http-client";

const post = (key: string, json: unknown) => call("POST", "/v1/jobs", { key, json });
const bulk = (key: string, jobs: unknown[]) => call("POST", "/v1/jobs/bulk", { key, json: { jobs } });
const withModel = (model?: string) => ({ task: "generate", input: { prompt: "a", model }, delay_s: 3_600 });

async function stored(channel: string): Promise<number> {
  return (await call<List<JobOnWire>>("GET", `/v1/jobs?channel=${channel}&limit=100`)).body.data.length;
}

describe("a token with tasks", () => {
  it("submits these and no others", async () => {
    const token = await mint({ channel: "tasks", allow: ["submit"], tasks: ["embed"] });
    expect((await post(token, { task: "embed", input: { input: "a" }, delay_s: 60 })).status).toBe(202);
    const error = expectError(await post(token, later()), "forbidden", "task");
    expect(error.message).toContain("generate");
    expectError(await bulk(token, [later()]), "forbidden", "jobs[0].task");
    expect(await stored("tasks")).toBe(1);
  });
});

describe("a token with models", () => {
  it("uses these and no others, and the default only when it is one of them", async () => {
    const token = await mint({ channel: "models", allow: ["submit"], models: ["sandbox/chat"] });
    expect((await post(token, withModel("sandbox/chat"))).status).toBe(202);
    expect((await post(token, withModel())).status).toBe(202);
    expectError(await post(token, withModel("sandbox/chat!tps=1")), "forbidden", "input.model");
    const other = await mint({ channel: "models", allow: ["submit"], models: ["openai/gpt-5"] });
    const error = expectError(await post(other, withModel()), "forbidden", "input.model");
    expect(error.message).toContain("openai/gpt-5");
    expect(await stored("models")).toBe(2);
  });

  it("uses these and no others for the children of a job, too", async () => {
    const token = await mint({ channel: "children", allow: ["submit"], models: ["sandbox/chat"] });
    const over = (model: string) => ({ task: "summarize", input: { text: "a", model }, delay_s: 3_600 });
    expect((await post(token, over("sandbox/chat"))).status).toBe(202);
    expectError(await post(token, over("sandbox/chat!tps=1")), "forbidden", "input.model");
    expect(await stored("children")).toBe(1);
  });

  it("is not deceived by an alias", async () => {
    const token = await mint({ channel: "aliases", allow: ["submit"], models: ["sandbox/chat"] });
    const aliased = {
      ...env,
      MODEL_ALIASES: JSON.stringify({ "sandbox/chat": "sandbox/chat!tps=1", fine: "sandbox/chat" }),
    };
    const ask = (model: string) =>
      call("POST", "/v1/jobs", { key: token, json: withModel(model), env: aliased });
    expectError(await ask("sandbox/chat"), "forbidden", "input.model");
    expect((await ask("fine")).status).toBe(202);
  });
});

describe("a token with max_jobs", () => {
  it("answers 429 token_exhausted to the job after the last", async () => {
    const token = await mint({ channel: "two", allow: ["submit"], max_jobs: 2 });
    expect((await post(token, later())).status).toBe(202);
    expect((await post(token, later())).status).toBe(202);
    const error = expectError(await post(token, later()), "token_exhausted");
    expect(error.type).toBe("rate_limit_error");
    expect(await stored("two")).toBe(2);
  });

  it("lets exactly that many through when all come at once", async () => {
    const token = await mint({ channel: "rush", allow: ["submit"], max_jobs: 10 });
    const answers = await Promise.all(Array.from({ length: 40 }, () => post(token, later())));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(30);
    expect(await stored("rush")).toBe(10);
  });

  it("counts each job of a bulk, and stores none of one that is too many", async () => {
    const token = await mint({ channel: "bulk", allow: ["submit"], max_jobs: 5 });
    expectError(
      await bulk(
        token,
        Array.from({ length: 6 }, () => later()),
      ),
      "token_exhausted",
    );
    expect((await bulk(token, [later(), later(), later()])).status).toBe(202);
    expectError(await bulk(token, [later(), later(), later()]), "token_exhausted");
    expect((await bulk(token, [later(), later()])).status).toBe(202);
    expect(await stored("bulk")).toBe(5);
  });

  it("is not used up by requests that are refused", async () => {
    const token = await mint({ channel: "refused", allow: ["submit"], max_jobs: 1 });
    expectError(await post(token, { task: "transcribe", input: {} }), "unknown_task");
    expectError(await post(token, later({ priority: "high" })), "invalid_request");
    expect((await post(token, later())).status).toBe(202);
  });

  it("has its own count: another token of the same channel begins anew", async () => {
    for (let i = 0; i < 2; i++) {
      const token = await mint({ channel: "fresh", allow: ["submit"], max_jobs: 1 });
      expect((await post(token, later())).status).toBe(202);
      expectError(await post(token, later()), "token_exhausted");
    }
  });
});

describe("how often a token may submit", () => {
  it("is bounded: 429 rate_limited with Retry-After, for this token alone", async () => {
    const [busy, calm] = [
      await mint({ channel: "busy", allow: ["submit"] }),
      await mint({ channel: "calm", allow: ["submit"] }),
    ];
    const answers = await Promise.all(Array.from({ length: 130 }, () => post(busy, later())));
    const refused = answers.filter(({ status }) => status !== 202);
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) {
      expectError(answer, "rate_limited");
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    }
    expect(await stored("busy")).toBe(Math.min(100, answers.length - refused.length));
    expect((await post(calm, later())).status).toBe(202);
  });

  it("gives back what was taken for jobs that could not be stored, and keeps it when nobody knows", async () => {
    const token = await mint({ channel: "back", allow: ["submit"], max_jobs: 1 });
    const headers = { "idempotency-key": "back" };
    await call("POST", "/v1/jobs", { json: later({ channel: "back" }), headers });
    const mismatch = await call("POST", "/v1/jobs", { key: token, json: later({ priority: 9 }), headers });
    expectError(mismatch, "idempotency_mismatch");
    const { db, loseAnswers } = wrapDb(env.DB);
    loseAnswers(2, "INSERT INTO jobs");
    const unknown = await call("POST", "/v1/jobs", { key: token, json: later(), env: { ...env, DB: db } });
    const { error } = unknown.body as unknown as { error: { code: string; job_ids: string[] } };
    expect([unknown.status, error.code]).toEqual([503, "store_unavailable"]);
    expect((await call("GET", `/v1/jobs/${error.job_ids[0]}`)).status).toBe(200);
    expect(unknown.headers.get("retry-after")).toBe("5");
    expectError(await post(token, later()), "token_exhausted");
  });
});

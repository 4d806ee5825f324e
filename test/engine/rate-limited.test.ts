// A job whose call must wait, for its provider or its gate, waits as long as it is told, and pays for no call twice.

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { AppError } from "../../src/core/errors";
import { MAX_FREE_RUNS } from "../../src/core/limits";
import type { Provider } from "../../src/llm/providers";
import { answer, eventStream, failure, textChunk, usageChunk } from "../llm/fake-provider";
import { movesTold, testDeps } from "../support/deps";
import { changeRow, theJob } from "../support/rows";
import { runs, scripted, spare, submitted } from "../support/scripted-providers";

describe("a 429", () => {
  const limited: Provider = { ...spare, models: [{ name: "small", kind: "chat", rpm: 5 }] };
  const withGate = { models: { providers: [limited], aliases: {} } };

  it("uses no attempt of a job with a pool, which waits as long as the provider says", async () => {
    const deps = scripted({ K3: [() => failure(429, {}, { "retry-after": "30" }), answer] }, withGate);
    const job = await submitted(deps, {}, "spare/small");
    const [first, second] = await runs(deps, job);
    expect(first).toMatchObject({ state: "pending", reason: "rate_limited", attempt: 0 });
    expect((first?.runAt ?? 0) - (first?.readAt ?? 0)).toBeGreaterThan(29_000);
    expect(movesTold(deps, job.id).slice(0, 3)).toEqual(["job.started", "job.retrying", "job.started"]);
    expect(second).toMatchObject({ state: "completed", attempt: 1, run: 2 });
  });

  it("uses an attempt of a job without a pool", async () => {
    const deps = scripted({ K3: [() => failure(429)] });
    const [first] = await runs(deps, await submitted(deps, {}, "spare/small"), 1);
    expect(first).toMatchObject({ state: "pending", reason: "retrying", attempt: 1 });
  });

  it("does not fail a job with a pool that has one attempt only, until it has been started very often", async () => {
    const deps = scripted({ K3: [() => failure(429)] }, withGate);
    const job = await submitted(deps, { max_attempts: 1 }, "spare/small");
    expect((await runs(deps, job, 3)).at(-1)).toMatchObject({ state: "pending", attempt: 0, run: 3 });
    await changeRow(job.id, { run: MAX_FREE_RUNS - 1 });
    const end = (await runs(deps, await theJob(job.id))).at(-1);
    expect(end).toMatchObject({ state: "failed", error: { code: "provider_rate_limited" } });
  });
});

describe("a further call that has to wait for its turn", () => {
  const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
  const response_format = { type: "json_schema", json_schema: { name: "city", schema } };
  const said = (text: string) => () =>
    eventStream([
      textChunk(text, "stop"),
      usageChunk({ prompt_tokens: 100, completion_tokens: 10 }),
      "[DONE]",
    ]);
  const wait = () => Promise.reject(new AppError("gate_wait", { retryAfterMs: 20_000 }));
  const ask = { input: { prompt: "A city", model: "spare/small", response_format } };

  it("gives the job back with its answer: two turns, each call made and paid once", async () => {
    const script = { K3: [said("Lisbon"), said('{"city":"Lisbon"}')] };
    const deps = scripted(script, { beforeCall: wait });
    const job = await submitted(deps, ask);
    const [first, second] = await runs(deps, job);
    expect(first).toMatchObject({ state: "pending", turns: 1, attempt: 0, usage: { input_tokens: 100 } });
    expect((first?.runAt ?? 0) - (first?.readAt ?? 0)).toBeGreaterThan(19_000);
    expect(second).toMatchObject({ state: "completed", attempt: 1, usage: { input_tokens: 200 } });
    expect(JSON.parse(second?.output ?? "")).toMatchObject({ json: { city: "Lisbon" } });
    expect(deps.called).toHaveLength(2);
    // The second call is the repair: it holds the answer that does not fit.
    expect(deps.bodies.map((body) => body.includes("does not fit"))).toEqual([false, true]);
    const sql = "SELECT COUNT(*) AS runs, SUM(input_tokens) AS tokens FROM ledger WHERE job_id = ?1";
    expect(await env.DB.prepare(sql).bind(job.id).first()).toEqual({ runs: 2, tokens: 200 });
  });

  it("does not pay for the first answer again when the repair fails", async () => {
    const script = { K3: [said("Lisbon"), () => failure(500), said('{"city":"Lisbon"}')] };
    const deps = scripted(script, { beforeCall: wait });
    const end = (await runs(deps, await submitted(deps, ask))).at(-1);
    expect(end).toMatchObject({ state: "completed", attempt: 2, usage: { input_tokens: 200 } });
    expect(deps.called).toHaveLength(3);
  });

  it("that a task lets pass uses no attempt, and is due when its turn may come", async () => {
    const deps = testDeps();
    const { createLlm } = deps;
    deps.createLlm = (run) => ({ ...createLlm(run), chat: wait, embed: wait });
    const [now] = await runs(deps, await submitted(deps, {}, "sandbox/chat"), 1);
    expect(now).toMatchObject({ state: "pending", reason: "rate_limited", attempt: 0 });
    expect((now?.runAt ?? 0) - (now?.readAt ?? 0)).toBeGreaterThan(19_000);
  });
});

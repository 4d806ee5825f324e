// A job with several places to go: key after key, model after model, until one of them answers.

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { AppError } from "../../src/core/errors";
import type { WholeJob } from "../../src/core/job";
import { MAX_FREE_RUNS } from "../../src/core/limits";
import { parseRoute } from "../../src/core/route";
import { enqueue } from "../../src/engine/enqueue";
import { detour } from "../../src/engine/place-of";
import type { Provider } from "../../src/llm/providers";
import { rerouteJobs, rerunJobs } from "../../src/store/moves";
import { acme, answer, eventStream, failure, textChunk, usageChunk } from "../llm/fake-provider";
import { fallDue } from "../support/age";
import { type Edge, movesTold, ringFor, type TestDeps, testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import { Random } from "../support/random";
import { changeRow, theJob } from "../support/rows";

const main: Provider = {
  name: "main",
  base_url: "https://main.test/v1",
  key: ["K1", "K2"],
  models: [{ name: "large", kind: "chat", rpm: 100, price: { input: 1, output: 10 } }],
};
const spare: Provider = {
  name: "spare",
  base_url: "https://spare.test/v1",
  key: "K3",
  models: [{ name: "small", kind: "chat", price: { input: 2, output: 20 } }],
};
const listed = (model: string, weight: number | null = null) => ({ model, weight });
const models = {
  providers: [main, spare, acme],
  aliases: { smart: [listed("main/large"), listed("spare/small")] },
};

/** What each key answers, call by call; the last one again and again. */
type Script = Record<string, (() => Response)[]>;

function scripted(script: Script, edge: Edge = {}): TestDeps & { called: string[]; bodies: string[] } {
  const called: string[] = [];
  const bodies: string[] = [];
  const deps = testDeps({
    models,
    random: () => 0,
    fetch: async (_url, init) => {
      const key = new Headers(init?.headers).get("authorization")?.replace("Bearer sk-", "") ?? "";
      const replies = script[key] ?? [];
      const reply = replies[Math.min(called.filter((one) => one === key).length, replies.length - 1)];
      called.push(key);
      bodies.push(String(init?.body));
      return reply ? reply() : failure(500);
    },
    ...edge,
  });
  return Object.assign(deps, { called, bodies });
}

async function submitted(
  deps: TestDeps,
  over: Record<string, unknown> = {},
  model = "smart",
): Promise<WholeJob> {
  const request = { task: "generate", input: { prompt: "Tea in Lisbon", model }, ...over };
  const [made] = await enqueue(deps, { projectId: PROJECT, jobs: [request] });
  await deps.backgroundDone();
  return theJob(made?.job.id ?? "");
}

/** Runs the job, as often as it takes, and says where it stood after each run. */
async function runs(deps: TestDeps, job: WholeJob, atMost = 20): Promise<WholeJob[]> {
  const seen: WholeJob[] = [];
  for (let now = job; now.state === "pending" && seen.length < atMost; ) {
    await fallDue(now.id);
    now = (await ringFor(deps, now))[0] as WholeJob;
    seen.push(now);
  }
  return seen;
}

const place = ({ model, pool }: WholeJob) => [model, pool];

describe("a job by an alias of several models", () => {
  it("goes from key to key and model to model, and remembers every step", async () => {
    const deps = scripted({ K1: [() => failure(500)], K2: [() => failure(429)], K3: [answer] });
    const job = await submitted(deps);
    expect(place(job)).toEqual(["main/large", "main/large"]);
    const seen = await runs(deps, job);
    const end = seen.at(-1);
    expect(deps.called).toEqual(["K1", "K1", "K2", "K2", "K3"]);
    expect(seen.map(place)).toEqual([
      ["main/large", "main/large"],
      ["main/large", "main/large#K2"],
      ["main/large", "main/large#K2"],
      ["spare/small", null],
      ["spare/small", null],
    ]);
    expect(end).toMatchObject({ state: "completed", attempt: 3, run: 5 });
    expect(end?.attempts.map(({ attempt, model, key, error }) => [attempt, model, key, error?.code])).toEqual(
      [
        [1, "main/large", "K1", "provider_error"],
        [2, "main/large", "K1", "provider_error"],
        [3, "main/large", "K2", "provider_rate_limited"],
        [3, "main/large", "K2", "provider_rate_limited"],
        [3, "spare/small", undefined, undefined],
      ],
    );
    expect(JSON.parse(end?.output ?? "")).toMatchObject({ text: "Hello there", model: "spare/small" });
    // 100 tokens at $2 and 10 at $20 a million: the price of the model that answered.
    expect(end?.usage).toMatchObject({ input_tokens: 100, cost_usd: 0.0004 });
    expect(movesTold(deps, job.id).filter((type) => type === "job.retrying")).toHaveLength(4);
    expect(JSON.stringify(end)).not.toContain("sk-");
  });

  it("waits before it tries the same target again, and not before it tries another", async () => {
    const deps = scripted({ K1: [() => failure(500)] }, { random: () => 0.49 });
    const job = await submitted(deps);
    const [first, second] = await runs(deps, job, 2);
    expect((first?.runAt ?? 0) - (first?.readAt ?? 0)).toBeGreaterThan(300);
    expect((second?.runAt ?? 0) - (second?.readAt ?? 0)).toBeLessThanOrEqual(0);
  });

  it("leaves a key that is refused at once, and the model whose context is too short for good", async () => {
    const tooLong = () => failure(400, { code: "context_length_exceeded" });
    const deps = scripted({ K1: [() => failure(401)], K2: [tooLong], K3: [() => failure(500), answer] });
    const end = (await runs(deps, await submitted(deps))).at(-1);
    expect(deps.called).toEqual(["K1", "K2", "K3", "K3"]);
    expect(end).toMatchObject({ state: "completed", attempt: 4, model: "spare/small" });
  });

  it("fails when its attempts are used up, wherever it is by then", async () => {
    const deps = scripted({});
    const end = (await runs(deps, await submitted(deps, { max_attempts: 4 }))).at(-1);
    expect(end).toMatchObject({ state: "failed", attempt: 4, error: { code: "provider_error" } });
    expect(deps.called).toEqual(["K1", "K1", "K2", "K2"]);
  });

  it("is not sent elsewhere with what was refused for its content", async () => {
    const deps = scripted({ K1: [() => failure(400, { code: "content_filter" })] });
    expect((await runs(deps, await submitted(deps))).at(-1)).toMatchObject({ state: "failed", attempt: 1 });
    expect(deps.called).toEqual(["K1"]);
  });

  it("fails by the error of its last target when none could do anything", async () => {
    const deps = scripted({ K1: [() => failure(401)], K2: [() => failure(401)], K3: [() => failure(404)] });
    const end = (await runs(deps, await submitted(deps))).at(-1);
    expect(end).toMatchObject({ state: "failed", attempt: 3, error: { code: "provider_not_found" } });
  });

  it("goes on where it failed when it is retried by hand, and may go to all its targets again", async () => {
    const deps = scripted({ K1: [() => failure(401)], K2: [() => failure(401)], K3: [() => failure(401)] });
    const failed = (await runs(deps, await submitted(deps))).at(-1) as WholeJob;
    await rerunJobs(env.DB, [{ ...failed, delayMs: 0 }], deps.config.timing);
    const mended = scripted({ K1: [answer], K2: [() => failure(401)], K3: [() => failure(401)] });
    expect((await runs(mended, await theJob(failed.id))).at(-1)).toMatchObject({ state: "completed" });
    expect(mended.called).toEqual(["K3", "K1"]);
  });

  it("asks for its other places what the first may not: each model must be allowed", async () => {
    const limits = { channel: null, tasks: null, models: ["main/large"] };
    const request = { task: "generate", input: { prompt: "a", model: "smart" } };
    const denied = enqueue(scripted({}), { projectId: PROJECT, jobs: [request], limits });
    await expect(denied).rejects.toMatchObject({
      code: "forbidden",
      message: expect.stringContaining("spare/small"),
    });
  });

  it("reserves what the dearest of its models could cost", async () => {
    const job = await submitted(scripted({}));
    const sql = "SELECT reserve_nano_usd AS nano FROM jobs WHERE id = ?1";
    const row = await env.DB.prepare(sql).bind(job.id).first<{ nano: number }>();
    // 13 characters are 5 tokens at $2; 4,096 tokens of output at $20 a million.
    expect(row?.nano).toBe(5 * 2_000 + 4_096 * 20_000);
  });

  it("is drawn by weight, and spread over the keys", async () => {
    const random = new Random(3);
    const aliases = { smart: [listed("main/large", 3), listed("spare/small")] };
    const deps = scripted({}, { random: () => random.next(), models: { ...models, aliases } });
    const jobs = Array.from({ length: 1_000 }, () => ({
      ...{ task: "generate", delay_s: 60, input: { prompt: "a", model: "smart" } },
    }));
    const made = await enqueue(deps, { projectId: PROJECT, jobs, list: true });
    const share = (pool: string | null) => made.filter(({ job }) => job.pool === pool).length / 1_000;
    expect(Math.abs(share("main/large") - 0.375)).toBeLessThan(0.04);
    expect(Math.abs(share("main/large#K2") - 0.375)).toBeLessThan(0.04);
    expect(Math.abs(share(null) - 0.25)).toBeLessThan(0.04);
  });
});

describe("a job with one place to go", () => {
  it("has no route", async () => {
    expect(await submitted(scripted({}), {}, "spare/small")).toMatchObject({ route: null, pool: null });
  });

  it("has one when its provider has several keys", async () => {
    const { route } = await submitted(scripted({}), {}, "main/large");
    expect(parseRoute(route)?.targets.map(({ key }) => key)).toEqual(["K1", "K2"]);
  });
});

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
    deps.createLlm = () => ({ chat: wait, embed: wait });
    const [now] = await runs(deps, await submitted(deps, {}, "sandbox/chat"), 1);
    expect(now).toMatchObject({ state: "pending", reason: "rate_limited", attempt: 0 });
    expect((now?.runAt ?? 0) - (now?.readAt ?? 0)).toBeGreaterThan(19_000);
  });
});

describe("a job whose pool is down", () => {
  it("goes to its next target without an attempt, and not beyond the last", async () => {
    const deps = scripted({ K3: [answer] });
    const job = await submitted(deps);
    const { catalogue, timing } = deps.config;
    const next = detour(catalogue, job);
    expect(next).toMatchObject({ model: "main/large", pool: "main/large#K2" });
    if (!next) throw new Error("no detour");
    const [moved] = await rerouteJobs(env.DB, [{ ...job, from: job.pool, place: next }], timing);
    expect(moved).toMatchObject({ state: "pending", pool: "main/large#K2", version: 2, attempt: 0 });
    // A second time, because a gate has said it twice: nothing.
    expect(await rerouteJobs(env.DB, [{ ...job, from: job.pool, place: next }], timing)).toEqual([]);
    const last = moved && detour(catalogue, moved);
    expect(last).toMatchObject({ model: "spare/small", pool: null });
    if (!moved || !last) throw new Error("no detour");
    const [there] = await rerouteJobs(env.DB, [{ ...moved, from: moved.pool, place: last }], timing);
    expect(there && detour(catalogue, there)).toBeNull();
    expect((await runs(deps, await theJob(job.id))).at(-1)).toMatchObject({
      ...{ state: "completed", attempt: 1, model: "spare/small" },
    });
    expect(deps.called).toEqual(["K3"]);
  });

  it("is looked at by the clock soon when it leaves the gates for a model without one", async () => {
    const deps = scripted({});
    const job = await submitted(deps);
    const wakeIn = async () => {
      const row = await env.DB.prepare("SELECT wake_at FROM jobs WHERE id = ?1").bind(job.id);
      return ((await row.first<{ wake_at: number }>())?.wake_at ?? 0) - Date.now();
    };
    expect(await wakeIn()).toBeGreaterThan(3_600_000);
    const place = { model: "spare/small", pool: null, route: job.route ?? "" };
    await rerouteJobs(env.DB, [{ ...job, from: job.pool, place }], deps.config.timing);
    expect(await wakeIn()).toBeLessThanOrEqual(deps.config.timing.ringCheckMs);
  });

  it("has no way around a gate that is its task's own, or when it has one place only", async () => {
    const deps = scripted({});
    const job = await submitted(deps);
    expect(detour(deps.config.catalogue, { ...job, route: null })).toBeNull();
    expect(detour(deps.config.catalogue, { ...job, pool: "task:generate" })).toBeNull();
  });
});

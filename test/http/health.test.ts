import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Env } from "../../src/env";
import { wrapDb } from "../support/faulty-db";
import { type Ask, call, createProject, expectError, mint } from "../support/http-client";

type Check = { ok: boolean; reason: string | null; backlog?: number };
type Health = { status: string; version: string; checks?: Record<string, Check> };

const health = (ask: Ask = {}) => call<Health>("GET", "/health", ask);

/** An environment of its own: what the API remembers, it remembers of one database. */
function fresh(changes: Partial<Env> = {}): Env {
  return { ...env, DB: wrapDb(env.DB).db, ...changes };
}

/** A binding whose methods all fail. */
function broken<T extends object>(binding: T, why: string): T {
  return new Proxy(binding, { get: () => () => Promise.reject(new Error(why)) });
}

afterEach(() => {
  vi.useRealTimers();
});

describe("GET /health", () => {
  it("is open, and says no more than how things are", async () => {
    const answer = await health({ key: null });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ status: "ok", version: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
  });

  it("tells each dependency to one who has a key", async () => {
    const ok = { ok: true, reason: null };
    for (const key of [undefined, await createProject("health")]) {
      const { status, body } = await health({ key });
      expect(status).toBe(200);
      expect(body).toEqual({
        status: "ok",
        version: expect.any(String),
        checks: {
          database: ok,
          objects: ok,
          jobs_queue: { ...ok, backlog: expect.any(Number) },
          bulk_queue: { ...ok, backlog: expect.any(Number) },
          events: ok,
          models: ok,
        },
      });
    }
  });

  it("tells a browser token no more than everybody", async () => {
    const key = await mint({ channel: "c", allow: ["read"] });
    expect(Object.keys((await health({ key })).body).sort()).toEqual(["status", "version"]);
  });

  it("answers 401 to a key that is wrong: somebody believes that it works", async () => {
    expectError(await health({ key: "errand_wrong" }), "unauthorized");
  });

  it("is degraded without a model, and says to one with a key what to do", async () => {
    const without = fresh({ SANDBOX: "off", PROVIDERS: "[]" });
    const open = await health({ key: null, env: without });
    expect([open.status, open.body.status]).toEqual([200, "degraded"]);
    const whole = await health({ env: without });
    expect(whole.body.status).toBe("degraded");
    expect(whole.body.checks?.models).toEqual({ ok: false, reason: expect.stringContaining("PROVIDERS") });
  });

  it("is down, with 503, when the database fails", async () => {
    const { db, fail } = wrapDb(env.DB);
    const failing = { ...env, DB: db };
    await call("GET", "/", { env: failing });
    fail(2);
    const open = await health({ key: null, env: failing });
    expect(open.status).toBe(503);
    expect(open.body).toEqual({ status: "down", version: expect.any(String) });
    const whole = await health({ env: failing });
    expect([whole.status, whole.body.status]).toEqual([503, "down"]);
    expect(whole.body.checks?.database).toEqual({ ok: false, reason: expect.stringContaining("database") });
    expect(whole.body.checks?.objects).toEqual({ ok: true, reason: null });
  });

  it("answers 503 too when the database fails the first request of an isolate", async () => {
    const { db, fail } = wrapDb(env.DB);
    fail(1);
    expectError(await health({ key: null, env: { ...env, DB: db } }), "store_unavailable");
  });

  it.each([
    ["objects", () => ({ BUCKET: broken(env.BUCKET, "R2 is away") })],
    ["jobs_queue", () => ({ JOBS_QUEUE: broken(env.JOBS_QUEUE, "queue is away") })],
    ["bulk_queue", () => ({ BULK_QUEUE: broken(env.BULK_QUEUE, "queue is away") })],
    [
      "events",
      () => ({
        EVENT_HUB: Object.assign(Object.create(env.EVENT_HUB), { getByName: () => broken({}, "away") }),
      }),
    ],
  ])("is degraded when %s does not answer, and gives the reason", async (name, change) => {
    const { status, body } = await health({ env: fresh(change() as Partial<Env>) });
    expect([status, body.status]).toEqual([200, "degraded"]);
    const bad = Object.entries(body.checks ?? {}).filter(([, check]) => !check.ok);
    expect(bad.map(([one]) => one)).toEqual([name]);
    expect(body.checks?.[name]?.reason).toEqual(expect.any(String));
  });

  it("does not wait longer than a few seconds for one that never answers", async () => {
    const BUCKET = new Proxy(env.BUCKET, { get: () => () => new Promise(() => undefined) });
    const started = performance.now();
    const { body } = await health({ env: fresh({ BUCKET }) });
    expect(performance.now() - started).toBeLessThan(6_000);
    expect(body.checks?.objects).toEqual({ ok: false, reason: "no answer within 3000 ms" });
    expect(body.checks?.database?.ok).toBe(true);
  });

  it("asks queues for their metrics, and sends nothing", async () => {
    const asked: string[] = [];
    const watched = (queue: Env["JOBS_QUEUE"]) =>
      new Proxy(queue, {
        get(target, name) {
          asked.push(String(name));
          return Reflect.get(target, name).bind(target);
        },
      });
    await health({
      env: fresh({ JOBS_QUEUE: watched(env.JOBS_QUEUE), BULK_QUEUE: watched(env.BULK_QUEUE) }),
    });
    expect(asked).toEqual(["metrics", "metrics"]);
  });

  it("asks the dependencies once in ten seconds, however often it is asked", async () => {
    const { db, calls } = wrapDb(env.DB);
    const counted = { ...env, DB: db };
    vi.useFakeTimers({ toFake: ["Date"] });
    await health({ key: null, env: counted });
    const first = calls.length;
    for (let i = 0; i < 5; i++) await health({ key: null, env: counted });
    expect(calls).toHaveLength(first);
    vi.advanceTimersByTime(9_900);
    await health({ key: null, env: counted });
    expect(calls).toHaveLength(first);
    vi.advanceTimersByTime(200);
    await health({ key: null, env: counted });
    expect(calls).toHaveLength(first + 1);
  });

  it("finds out within ten seconds that the database is back", async () => {
    const { db, fail } = wrapDb(env.DB);
    const failing = { ...env, DB: db };
    await call("GET", "/", { env: failing });
    vi.useFakeTimers({ toFake: ["Date"] });
    fail(1);
    expect((await health({ key: null, env: failing })).status).toBe(503);
    vi.advanceTimersByTime(10_001);
    expect((await health({ key: null, env: failing })).status).toBe(200);
  });

  it("is down when the database has no room for more jobs, and says how full it is", async () => {
    const DB = new Proxy(env.DB, {
      get(target, name) {
        if (name !== "prepare") return Reflect.get(target, name).bind(target);
        return (sql: string) => {
          const statement = target.prepare(sql);
          const all = async () => ({ results: [], success: true, meta: { size_after: 9_400_000_000 } });
          return sql === "SELECT 1" ? { all } : statement;
        };
      },
    });
    const { status, body } = await health({ env: { ...env, DB } });
    expect(status).toBe(503);
    expect(body.checks?.database?.reason).toContain("9.4 of 10 GB");
  });
});

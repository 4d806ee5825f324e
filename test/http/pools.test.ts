import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { ExplanationOnWire, PoolOnWire } from "../../src/contract/pool";
import { call, createProject, expectError, type List, ROOT_KEY, submit } from "../support/http-client";
import { changeRow } from "../support/rows";

const POOL = "sandbox/limited";
const PATIENT = { timeout: 12_000, interval: 50 };

const pools = (key?: string) => call<List<PoolOnWire>>("GET", "/v1/pools", { key });
const limit = (json: unknown, pool = POOL) =>
  call<PoolOnWire>("PATCH", `/v1/pools/${encodeURIComponent(pool)}`, { json });
const explain = (id: string, key?: string) =>
  call<ExplanationOnWire>("GET", `/v1/jobs/${id}/explain`, { key });

const slowly = (over = {}) => ({
  task: "generate",
  input: { prompt: "Tea in Lisbon", model: `${POOL}!tokens=400,tps=100` },
  ...over,
});

async function thePool(key?: string): Promise<PoolOnWire> {
  const { body } = await pools(key);
  const pool = body.data.find(({ id }) => id === POOL);
  if (!pool) throw new Error("no pool");
  return pool;
}

afterEach(async () => {
  await limit({ concurrency: null, rpm: null, tpm: null });
  const { body } = await call<{ changed: number }>("POST", "/v1/jobs/cancel", { json: { filter: {} } });
  expect(body.changed).toBeGreaterThanOrEqual(0);
});

describe("GET /v1/pools", () => {
  it("shows every limited pool: its limits, what is used of them, and who waits", async () => {
    await limit({ concurrency: 1 });
    const jobs = [await submit(slowly()), await submit(slowly({ lane: "bulk" }))];
    expect(jobs[0]).toMatchObject({ pool: POOL });
    await vi.waitFor(async () => {
      expect(await thePool()).toMatchObject({
        id: POOL,
        object: "pool",
        limits: { configured: { rpm: 60, tpm: 20_000, rpd: null, tpd: null, concurrency: 1 } },
        in_flight: 1,
        waiting: [{ project: "default", jobs: 1 }],
        circuit: { state: "closed", until: null },
      });
    }, PATIENT);
  });

  it("shows a project only its own jobs in line", async () => {
    const key = await createProject("onlooker", ["jobs:read"]);
    await limit({ concurrency: 1 });
    await submit(slowly());
    await submit(slowly());
    await vi.waitFor(async () => expect((await thePool()).waiting).toHaveLength(1), PATIENT);
    expect((await thePool(key)).waiting).toEqual([]);
  });

  it("says of a pool whether it is paused", async () => {
    expect((await thePool()).paused).toBe(false);
    const { body } = await call<{ id: string }>("POST", "/v1/pauses", { json: { pool: POOL } });
    expect((await thePool()).paused).toBe(true);
    await call("DELETE", `/v1/pauses/${body.id}`);
    expect((await thePool()).paused).toBe(false);
  });

  it("does not know a model without limits", async () => {
    const { body } = await pools();
    expect(body.data.map(({ id }) => id)).toEqual([POOL]);
  });
});

describe("PATCH /v1/pools/{pool}", () => {
  it("counts at once, and null is the setting again", async () => {
    expect((await limit({ rpm: 7, concurrency: 2 })).body.limits.configured).toMatchObject({
      rpm: 7,
      concurrency: 2,
    });
    expect((await limit({ rpm: null })).body.limits.configured).toMatchObject({ rpm: 60, concurrency: 4 });
  });

  it("lets more jobs in when a limit is raised", async () => {
    await limit({ concurrency: 1 });
    for (let i = 0; i < 3; i++) await submit(slowly());
    await vi.waitFor(async () => expect((await thePool()).waiting).toMatchObject([{ jobs: 2 }]), PATIENT);
    await limit({ concurrency: 3, rpm: 60_000, tpm: 6_000_000 });
    await vi.waitFor(async () => expect((await thePool()).in_flight).toBe(3), PATIENT);
  });

  it("refuses what is no limit, and what is no pool, and says what there is", async () => {
    expectError(await limit({ rpm: 0 }), "invalid_request", "rpm");
    expectError(await limit({ rps: 1 }), "invalid_request");
    const unknown = await limit({}, "openai/gpt-5");
    expectError(unknown, "not_found");
    expect(JSON.stringify(unknown.body)).toContain(POOL);
  });
});

describe("GET /v1/jobs/{id}/explain", () => {
  it("says what a job in line waits for, with the number, its place and when it may start", async () => {
    await limit({ concurrency: 1 });
    await submit(slowly());
    await vi.waitFor(async () => expect((await thePool()).in_flight).toBe(1), PATIENT);
    const second = await submit(slowly());
    const third = await submit(slowly());
    await vi.waitFor(async () => expect((await thePool()).waiting).toMatchObject([{ jobs: 2 }]), PATIENT);
    const { body } = await explain(third.id);
    expect(body).toMatchObject({
      object: "explanation",
      job_id: third.id,
      state: "pending",
      pool: POOL,
      limit: { name: "concurrency", limit: 1, used: 1 },
      position: 2,
    });
    expect((await explain(second.id)).body.position).toBe(1);
    expect(body.message).toContain("1");
    const { earliest = "", latest = "" } = body.eta ?? {};
    expect(Date.parse(latest)).toBeGreaterThanOrEqual(Date.parse(earliest));
    const shown = await call<{ reason: string }>("GET", `/v1/jobs/${third.id}`);
    expect(shown.body.reason).toBe(body.reason);
  });

  it("says when a job that is not due will be, and of one that has ended that it has", async () => {
    const later = await submit(slowly({ delay_s: 3_600 }));
    const { body } = await explain(later.id);
    expect(body).toMatchObject({ reason: "scheduled", position: null, limit: null });
    expect(body.message).toContain(later.run_at);
    await call("POST", `/v1/jobs/${later.id}/cancel`);
    expect((await explain(later.id)).body).toMatchObject({
      reason: null,
      state: "cancelled",
      message: "It has ended: cancelled.",
      eta: null,
    });
  });

  it("tells a retry from a provider that had no room, and both from a delay", async () => {
    const job = await submit(slowly({ delay_s: 3_600 }));
    const reasonOf = async (reason: string) => {
      await changeRow(job.id, { reason });
      return (await explain(job.id)).body;
    };
    expect(await reasonOf("rate_limited")).toMatchObject({
      reason: "rate_limited",
      message: `The provider had no room for it; it is tried again at ${job.run_at}.`,
    });
    expect(await reasonOf("retrying")).toMatchObject({ reason: "retrying" });
    expect(await reasonOf("scheduled")).toMatchObject({ reason: "scheduled" });
  });

  it("explains no other project's job", async () => {
    const job = await submit(slowly({ delay_s: 3_600 }));
    const key = await createProject("stranger", ["jobs:read"]);
    expectError(await explain(job.id, key), "not_found");
    expect((await explain(job.id, ROOT_KEY)).status).toBe(200);
  });
});

describe("a line that nobody has rung for", () => {
  it("is found by its gate when the clock looks", async () => {
    const job = await submit({
      ...slowly(),
      input: { prompt: "Tea", model: `${POOL}!tokens=5` },
      delay_s: 1,
    });
    await env.CLOCK.getByName("clock").armFor(1_000);
    await vi.waitFor(async () => {
      const { body } = await call<{ state: string }>("GET", `/v1/jobs/${job.id}`);
      expect(body.state).toBe("completed");
    }, PATIENT);
  });
});

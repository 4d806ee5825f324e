import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { TIMING } from "../../src/core/limits";
import { insertJobs, type NewJob } from "../../src/store/submit";
import { promptFor } from "../support/deps";
import { aNewJob, anId, PROJECT } from "../support/factory";

const PATIENT = { timeout: 14_000, interval: 25 };

let pool = "";

/** Jobs of a pool of the test's own, which nobody has rung for. */
async function inLine(count: number, options: string, over: Partial<NewJob> = {}): Promise<string[]> {
  const jobs = Array.from({ length: count }, () => aNewJob({ pool, ...promptFor(options), ...over }));
  await insertJobs(env.DB, PROJECT, jobs, null, TIMING);
  return jobs.map(({ id }) => id);
}

async function states(): Promise<Record<string, number>> {
  const sql = "SELECT state, COUNT(*) AS count FROM jobs WHERE pool = ?1 GROUP BY state";
  const { results } = await env.DB.prepare(sql).bind(pool).all<{ state: string; count: number }>();
  return Object.fromEntries(results.map(({ state, count }) => [state, count]));
}

const gate = () => env.GATE.getByName(pool);

beforeEach(() => {
  pool = `sandbox/${anId()}`;
});

describe("a line at a gate", () => {
  it("is served to its end, never more at once than may call, with one message for each job", async () => {
    await gate().limit(pool, { concurrency: 3, rpm: 60_000 });
    await inLine(12, "tokens=20,tps=100");
    await gate().nudge(pool);
    let most = 0;
    await vi.waitFor(async () => {
      const now = await states();
      most = Math.max(most, now.running ?? 0);
      expect(now).toEqual({ completed: 12 });
    }, PATIENT);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(3);
    const { results } = await env.DB.prepare("SELECT run, attempt FROM jobs WHERE pool = ?1")
      .bind(pool)
      .all();
    expect(results).toEqual(Array(12).fill({ run: 1, attempt: 1 }));
  });

  it("goes on where it was when the object dies in the middle of it", async () => {
    await gate().limit(pool, { concurrency: 2, rpm: 60_000 });
    await inLine(8, "tokens=40,tps=100");
    await gate().nudge(pool);
    await vi.waitFor(async () => expect((await states()).running).toBe(2), PATIENT);
    await evictDurableObject(gate());
    const view = await gate().view(pool);
    expect(view.in_flight).toBeGreaterThan(0);
    await gate().nudge(pool);
    let most = 0;
    await vi.waitFor(async () => {
      const now = await states();
      most = Math.max(most, now.running ?? 0);
      expect(now).toEqual({ completed: 8 });
    }, PATIENT);
    expect(most).toBeLessThanOrEqual(2);
  });

  it("keeps an alarm as long as somebody waits or runs, and none after that", async () => {
    const alarm = () => runInDurableObject(gate(), (_gate, state) => state.storage.getAlarm());
    expect(await alarm()).toBeNull();
    await gate().limit(pool, { concurrency: 1, rpm: 60_000 });
    await inLine(2, "tokens=20,tps=100");
    await gate().nudge(pool);
    expect(await alarm()).not.toBeNull();
    await vi.waitFor(async () => expect(await states()).toEqual({ completed: 2 }), PATIENT);
  });

  it("is woken by the clock when nobody has told the gate of it", async () => {
    await inLine(2, "tokens=5");
    await env.CLOCK.getByName("clock").armFor(0);
    await vi.waitFor(async () => expect(await states()).toEqual({ completed: 2 }), PATIENT);
  });
});

// A job whose pool is down goes on to its next place, and no further than its last.

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { detour } from "../../src/engine/place-of";
import { rerouteJobs } from "../../src/store/moves";
import { answer } from "../llm/fake-provider";
import { theJob } from "../support/rows";
import { runs, scripted, submitted } from "../support/scripted-providers";

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

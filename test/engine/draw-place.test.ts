// What a submit settles about the places where a job may run: which come first, which are allowed, and what to reserve.

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { parseRoute } from "../../src/core/route";
import { enqueue } from "../../src/engine/enqueue";
import { PROJECT } from "../support/factory";
import { Random } from "../support/random";
import { listed, models, scripted, submitted } from "../support/scripted-providers";

describe("a job by an alias of several models", () => {
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

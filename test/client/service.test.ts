// What the client asks of the service itself, against the whole Worker.

import { describe, expect, it } from "vitest";
import * as errors from "../../client/src/errors";
import type { Operation } from "../../client/src/index";
import { connect } from "../support/client-wire";
import { call } from "../support/http-client";

const INPUT = { prompt: "Say hello.", model: "sandbox/chat!reply=Hello" };

describe("health", () => {
  it("that is down is an answer, and one that is not Errand's is an error", async () => {
    const down = { status: "down", version: "1", checks: { database: { ok: false, reason: "away" } } };
    const answers = [() => Response.json(down, { status: 503 }), () => new Response("no", { status: 503 })];
    const [asked, refused] = answers.map((request) => connect({ maxRetries: 0, faults: { request } }).errand);
    expect(await asked?.health()).toEqual(down);
    await expect(refused?.health()).rejects.toMatchObject({ name: "ServerError", code: "http_503" });
  });

  it("with a wrong key is refused", async () => {
    await expect(connect({ key: "errand_wrong" }).errand.health()).rejects.toBeInstanceOf(
      errors.AuthenticationError,
    );
  });
});

it("usage comes by what it is grouped by", async () => {
  const { errand, wire } = connect();
  await errand.jobs.run("generate", INPUT);
  const report = await errand.usage.report({ groupBy: ["day", "task"] });
  expect(report.data).toEqual([expect.objectContaining({ task: "generate", runs: expect.any(Number) })]);
  expect(report.total.output_tokens).toBeGreaterThan(0);
  expect(wire.requests.at(-1)?.url.search).toBe("?group_by=day%2Ctask");
});

it("pools are listed with what is used of them", async () => {
  const pools = await connect().errand.pools.list();
  expect(pools.map(({ id }) => id)).toEqual(["sandbox/limited"]);
});

it("answers of the cache are shared, and purged", async () => {
  const { errand } = connect();
  const ask = () => errand.jobs.run("generate", INPUT, { cache: { tags: ["client"] } });
  const first = await ask();
  expect(first.cached).toBe(false);
  expect(await ask()).toMatchObject({ cached: true, output: first.output, saved: { cost_usd: 0 } });
  expect(await errand.cache.purge({ tags: ["client"] })).toEqual({
    object: "purge",
    purged: 1,
    has_more: false,
  });
  expect((await ask()).cached).toBe(false);
});

it("keys are made, listed and revoked, and work", async () => {
  const { errand } = connect();
  await call("POST", "/v1/projects", { json: { id: "cli-keys" } });
  const made = await errand.keys.create("cli-keys", { name: "ci", scopes: ["jobs:read"] });
  expect((await connect({ key: made.key }).errand.jobs.list()).data).toEqual([]);
  const { key: _, ...listed } = made;
  expect(await errand.keys.list("cli-keys")).toEqual([listed]);
  await errand.keys.revoke("cli-keys", made.id);
  expect(await errand.keys.list("cli-keys")).toEqual([]);
});

it("a token that was minted reads its channel", async () => {
  const { token } = await connect().errand.tokens.create({ channel: "c-token", allow: ["read"], ttl_s: 60 });
  const { errand } = connect({ token });
  const frame = await errand.events.subscribe({ channel: "c-token" }).next();
  expect(frame.value).toMatchObject({ type: "snapshot", jobs: [] });
});

describe("an operation", () => {
  it("cancels what fits, retries it, and is followed to its end", async () => {
    const { errand } = connect();
    const tag = "many-at-once";
    const jobs = [1, 2, 3].map(() => ({
      task: "generate" as const,
      input: INPUT,
      tags: [tag],
      delayS: 3_600,
    }));
    await errand.jobs.bulk(jobs);
    const cancelled = await last(errand.operations.follow(await errand.jobs.cancelAll({ tag })));
    expect(cancelled).toMatchObject({ action: "cancel", state: "completed", changed: 3 });
    const again = await errand.jobs.retryAll({ tag, state: "cancelled" }, { rate: 100 });
    expect(await last(errand.operations.follow(again))).toMatchObject({
      action: "retry",
      changed: 3,
      rate: 100,
    });
  });

  async function last(looks: AsyncIterable<Operation>): Promise<Operation | undefined> {
    let seen: Operation | undefined;
    for await (const look of looks) seen = look;
    return seen;
  }
});

describe("wait", () => {
  it("gives the finished job of an id, or throws how it ended", async () => {
    const { errand } = connect();
    const { id } = await errand.jobs.submit("generate", INPUT);
    expect((await errand.jobs.wait<{ text: string }>(id)).output.text).toBe("Hello");
    const failing = await errand.jobs.submit("generate", { ...INPUT, model: "sandbox/chat!status=400" });
    await expect(errand.jobs.wait(failing.id)).rejects.toBeInstanceOf(errors.JobFailedError);
  });
});

import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { childId } from "../../src/core/children";
import { endedBatch, linesOf, saying, startBatch, theBatch, uploadLines } from "../support/batches";
import { call, expectError, type List } from "../support/http-client";

const words = (count: number) => Array.from({ length: count }, (_, i) => `w${i}`);

describe("a batch of items", () => {
  it("runs each as a job, and gives what they have done in the order of the input", async () => {
    const { id, counts } = await startBatch({
      task: "generate",
      items: words(25).map((word) => saying(word)),
    });
    expect(counts).toMatchObject({ total: 0 });
    const ended = await endedBatch(id);
    expect(ended).toMatchObject({
      ...{ object: "batch", all_read: true, lane: "bulk" },
      counts: { total: 25, completed: 25, failed: 0, cancelled: 0, open: 0 },
    });
    expect(ended.usage.output_tokens).toBeGreaterThanOrEqual(25);
    const lines = await linesOf(id, "output");
    expect(lines.map(({ output }) => output?.text)).toEqual(words(25));
    expect(lines.map(({ index, custom_id, job }) => [index, custom_id, job])).toEqual(
      words(25).map((word, i) => [i, word, childId(id, i)]),
    );
    expect(await linesOf(id, "errors")).toEqual([]);
    const { body } = await call<List<{ parent: string; state: string }>>(
      "GET",
      `/v1/jobs?parent=${id}&limit=100`,
    );
    expect(body.data).toHaveLength(25);
    expect(body.data.every(({ parent, state }) => parent === id && state === "completed")).toBe(true);
  });

  it("puts its defaults under each item, field by field", async () => {
    const defaults = {
      input: { prompt: "Common", model: "sandbox/chat!echo" },
      metadata: { of: "all" },
      priority: 7,
    };
    const items = [{ input: {} }, { input: { prompt: "Own" }, metadata: { of: "one" } }];
    const { id } = await startBatch({ task: "generate", defaults, items });
    await endedBatch(id);
    const jobs = await Promise.all(
      [0, 1].map(async (i) => (await call("GET", `/v1/jobs/${childId(id, i)}`)).body),
    );
    expect(jobs.map(({ metadata, priority }) => [metadata, priority])).toEqual([
      [{ of: "all" }, 7],
      [{ of: "one" }, 7],
    ]);
    const inputs = await Promise.all(
      [0, 1].map(
        async (i) => (await call<{ prompt: string }>("GET", `/v1/jobs/${childId(id, i)}/input`)).body,
      ),
    );
    expect(inputs.map(({ prompt }) => prompt)).toEqual(["Common", "Own"]);
  });

  it("is refused as a whole when one of them does not fit, and names each that does not", async () => {
    const items = [saying("a"), { input: { prompt: 5 } }, { input: { prompt: "x", model: "nowhere/chat" } }];
    const answer = await call("POST", "/v1/batches", { json: { task: "generate", items } });
    expectError(answer, "input_invalid", "items[1].input.prompt");
    const { errors } = (answer.body as unknown as { error: { errors: { param: string }[] } }).error;
    expect(errors.map(({ param }) => param)).toEqual(["items[1].input.prompt", "items[2].input.model"]);
  });

  it.each([
    ["neither items nor file", { task: "generate" }, "invalid_request", "items"],
    [
      "both items and file",
      { task: "generate", items: [saying("a")], file_id: "file_1" },
      "invalid_request",
      "items",
    ],
    ["an unknown task", { task: "paint", items: [saying("a")] }, "unknown_task", "task"],
    ["a batch of batches", { task: "batch", items: [{ input: {} }] }, "input_invalid", "task"],
  ])("is refused with %s", async (_what, json, code, param) => {
    expectError(await call("POST", "/v1/batches", { json }), code as "unknown_task", param);
  });

  it("is made once by requests with the same idempotency key", async () => {
    const ask = {
      json: { task: "generate", items: [saying("a")] },
      headers: { "idempotency-key": "batch-once" },
    };
    const first = await call("POST", "/v1/batches", ask);
    const second = await call("POST", "/v1/batches", ask);
    expect([first.status, second.status, second.body.id]).toEqual([202, 200, first.body.id]);
    await endedBatch(first.body.id);
  });
});

describe("a batch of a file", () => {
  it("takes every line that is an item, and tells of the others by their number", async () => {
    const file_id = await uploadLines([
      saying("a"),
      "",
      "{broken",
      { custom_id: "no input" },
      { custom_id: "wrong", input: { prompt: 5 } },
      { custom_id: "extra", prompt: "x" },
      saying("b"),
    ]);
    const { id } = await startBatch({ task: "generate", file_id });
    expect((await endedBatch(id)).counts).toEqual({
      total: 6,
      completed: 2,
      failed: 4,
      cancelled: 0,
      open: 0,
    });
    expect((await linesOf(id, "output")).map(({ index, custom_id }) => [index, custom_id])).toEqual([
      [0, "a"],
      [5, "b"],
    ]);
    const errors = await linesOf(id, "errors");
    expect(errors.map(({ custom_id, error }) => [custom_id, error?.code])).toEqual([
      [null, "item_invalid"],
      ["no input", "item_invalid"],
      ["wrong", "input_invalid"],
      ["extra", "item_invalid"],
    ]);
    expect(errors.map(({ error }) => error?.message.split(":")[0])).toEqual([
      "line 3",
      "line 4",
      "line 5",
      "line 6",
    ]);
  });

  it("reads more lines than one slice, and none twice", async () => {
    const file_id = await uploadLines(words(1_203).map((word) => saying(word)));
    const { id } = await startBatch({ task: "generate", file_id });
    expect((await endedBatch(id)).counts).toMatchObject({ total: 1_203, completed: 1_203 });
    expect((await linesOf(id, "output")).map(({ custom_id }) => custom_id)).toEqual(words(1_203));
  }, 60_000);

  it("fails when there is no such file, and says which", async () => {
    const { id } = await startBatch({ task: "generate", file_id: "file_none" });
    expect((await endedBatch(id, "failed")).error).toMatchObject({
      code: "file_missing",
      message: expect.stringContaining("file_none"),
    });
  });
});

describe("a batch that does not run through", () => {
  const failing = (word: string) => ({
    custom_id: word,
    input: { prompt: "x", model: "sandbox/chat!status=400" },
  });

  it("shows what is there so far, keeps it when it is cancelled, and redoes only the rest", async () => {
    const slow = { custom_id: "slow", input: { prompt: "x", model: "sandbox/chat!tokens=9000,tps=50" } };
    const { id } = await startBatch({
      task: "generate",
      items: [saying("a"), saying("b"), slow, failing("bad")],
    });
    await vi.waitFor(
      async () => expect((await theBatch(id)).counts).toMatchObject({ completed: 2, failed: 1 }),
      10_000,
    );
    expect((await linesOf(id, "output")).map(({ custom_id }) => custom_id)).toEqual(["a", "b"]);
    expect((await call("POST", `/v1/batches/${id}/cancel`)).body.state).toBe("cancelled");
    await vi.waitFor(
      async () => expect((await theBatch(id)).counts).toMatchObject({ open: 0, cancelled: 1 }),
      10_000,
    );
    expect((await linesOf(id, "output")).map(({ custom_id }) => custom_id)).toEqual(["a", "b"]);
    expect((await linesOf(id, "errors")).map(({ state }) => state).sort()).toEqual(["cancelled", "failed"]);
    // Whoever has mended what was wrong: the model answers now.
    await env.DB.prepare("UPDATE jobs SET model = 'sandbox/chat' WHERE parent_id = ?1").bind(id).run();
    expect((await call("POST", `/v1/batches/${id}/retry`)).status).toBe(202);
    expect((await endedBatch(id)).counts).toEqual({
      total: 4,
      completed: 4,
      failed: 0,
      cancelled: 0,
      open: 0,
    });
    const runs = await Promise.all(
      [0, 1].map(async (i) => (await call("GET", `/v1/jobs/${childId(id, i)}`)).body.run),
    );
    expect(runs).toEqual([1, 1]);
    expect((await linesOf(id, "output")).map(({ custom_id }) => custom_id)).toEqual([
      "a",
      "b",
      "slow",
      "bad",
    ]);
    expectError(await call("POST", `/v1/batches/${id}/retry`), "nothing_to_retry");
  }, 30_000);

  it("stops with the first item that fails, if that is wanted", async () => {
    const items = [failing("bad"), ...words(60).map((word) => saying(word))];
    const { id } = await startBatch({ task: "generate", on_item_failure: "stop", items });
    expect((await endedBatch(id, "failed")).error?.message).toMatch(
      /^The child .* \(bad\) failed with provider_bad_request/,
    );
    await vi.waitFor(async () => expect((await theBatch(id)).counts.open).toBe(0), 10_000);
  });

  it("is a job like any: it is listed as one, and erased with all its items", async () => {
    const { id } = await startBatch({ task: "generate", items: [saying("a")] });
    await endedBatch(id);
    expect((await call("GET", `/v1/jobs/${id}`)).body).toMatchObject({
      task: "batch",
      output: { completed: 1 },
    });
    expect((await call("DELETE", `/v1/jobs/${id}`)).status).toBe(204);
    expectError(await call("GET", `/v1/batches/${id}`), "not_found");
    await vi.waitFor(
      async () => expectError(await call("GET", `/v1/jobs/${childId(id, 0)}`), "not_found"),
      10_000,
    );
  });

  it("is found among batches, and no other job is", async () => {
    const { id } = await startBatch({ task: "generate", items: [saying("a")], channel: "of-batches" });
    const other = await call("POST", "/v1/jobs", {
      json: { task: "generate", input: { prompt: "x" }, channel: "of-batches" },
    });
    const { body } = await call<List<{ id: string }>>("GET", "/v1/batches?channel=of-batches");
    expect(body.data.map((one) => one.id)).toEqual([id]);
    expectError(await call("GET", `/v1/batches/${other.body.id}`), "not_found");
    await endedBatch(id);
  });
});

describe("an estimate", () => {
  type Estimate = {
    items: number;
    broken: number;
    input_tokens: number;
    output_tokens: number;
    cost_usd: number;
    duration_s: number | null;
    basis: string;
    sampled: boolean;
  };
  const estimate = async (json: unknown) =>
    (await call<Estimate>("POST", "/v1/batches/estimate", { json })).body;

  it("counts items, tokens, money and time", async () => {
    const input = { prompt: "x".repeat(400), model: "sandbox/limited", max_output_tokens: 900 };
    const seen = await estimate({ task: "generate", items: Array.from({ length: 120 }, () => ({ input })) });
    expect(seen).toMatchObject({
      items: 120,
      broken: 0,
      input_tokens: 12_000,
      output_tokens: 108_000,
      cost_usd: 0,
      basis: "max_output_tokens",
    });
    // 120,000 tokens at 20,000 a minute.
    expect(seen.duration_s).toBe(360);
  });

  it("looks at the beginning of a long file only, and tells how many lines are no items", async () => {
    const lines = words(1_000).map((word, i) => (i % 10 === 9 ? "{broken" : saying(word)));
    const seen = await estimate({ task: "generate", file_id: await uploadLines(lines) });
    expect(seen).toMatchObject({ sampled: true, basis: "assumption" });
    expect(seen.items / 1_000).toBeCloseTo(1, 1);
    expect(seen.broken / 100).toBeCloseTo(1, 1);
  });
});

describe("equal items of a batch with a cache", () => {
  it("are asked once, also those of a later batch, and each has its line", async () => {
    const defaults = { cache: { scope: "equal-items" } };
    const items = [saying("same"), saying("same"), saying("other"), saying("same")];
    const first = await endedBatch((await startBatch({ task: "generate", defaults, items })).id);
    expect((await linesOf(first.id, "output")).map(({ output }) => output?.text)).toEqual([
      "same",
      "same",
      "other",
      "same",
    ]);
    const asked = async (id: string) =>
      (await call<List<{ cached: boolean }>>("GET", `/v1/jobs?parent=${id}`)).body.data.filter(
        ({ cached }) => !cached,
      ).length;
    expect(await asked(first.id)).toBe(2);
    const second = await endedBatch((await startBatch({ task: "generate", defaults, items })).id);
    expect([second.counts.completed, await asked(second.id)]).toEqual([4, 0]);
    expect(await linesOf(second.id, "output")).toHaveLength(4);
  });
});

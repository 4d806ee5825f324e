import { describe, expect, it } from "vitest";
import { call, expectError, finish, generate, type List, later, mint } from "../support/http-client";

function post(json: unknown, key: string, headers: Record<string, string> = {}) {
  return call("POST", "/v1/jobs", { json, headers: { "idempotency-key": key, ...headers } });
}

describe("the header Idempotency-Key", () => {
  it("gives the same job for the same key and body: 202 the first time, 200 after it", async () => {
    const body = later({ metadata: { a: 1 } });
    const first = await post(body, "same");
    const second = await post(body, "same");
    expect([first.status, second.status]).toEqual([202, 200]);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get("location")).toBe(first.headers.get("location"));
  });

  it("does not care for the order of the body's keys, at any depth", async () => {
    const first = await post({ ...later(), metadata: { x: { p: 1, q: [1, 2] }, y: 2 } }, "order");
    const members = Object.entries({ ...later(), metadata: { y: 2, x: { q: [1, 2], p: 1 } } });
    const turned = Object.fromEntries(members.reverse());
    const second = await post(turned, "order");
    expect(second.status).toBe(200);
    expect(second.body.id).toBe(first.body.id);
  });

  it.each([
    ["another prompt", { input: { prompt: "Another" } }],
    ["one field more", { priority: 1 }],
    ["a list in another order", { tags: ["b", "a"] }],
    ["other metadata", { metadata: { a: 2 } }],
    ["a field of metadata that is called idempotency_key", { metadata: { a: 1, idempotency_key: "x" } }],
  ])("answers 409 to the same key with another body: %s", async (name, change) => {
    const body = later({ tags: ["a", "b"], metadata: { a: 1 } });
    expect((await post(body, `other ${name}`)).status).toBe(202);
    const answer = await post({ ...body, ...change }, `other ${name}`);
    expectError(answer, "idempotency_mismatch", "Idempotency-Key");
  });

  it("makes one job of 100 equal submits at the same time", async () => {
    const body = later({ channel: "crowd", tags: ["crowd"] });
    const answers = await Promise.all(Array.from({ length: 100 }, () => post(body, "crowd")));
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
    expect(answers.filter((answer) => answer.status === 202)).toHaveLength(1);
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(99);
    const { body: list } = await call<List<unknown>>("GET", "/v1/jobs?tag=crowd");
    expect(list.data).toHaveLength(1);
  });

  it("makes one job of 20 equal submits whose input is too large for the row", async () => {
    const body = generate({ delay_s: 3_600, tags: ["large crowd"] });
    body.input.prompt = "large ".repeat(5_000);
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(body, "large crowd")));
    const [id, ...others] = [...new Set(answers.map((answer) => answer.body.id))];
    expect(others).toEqual([]);
    const input = await call<{ prompt: string }>("GET", `/v1/jobs/${id}/input`);
    expect(input.body.prompt).toBe(body.input.prompt);
  });

  it("answers 409 to all but the first of many different bodies at the same time", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => post(later({ priority: i }), "different crowd")),
    );
    const counts = Map.groupBy(answers, (answer) => answer.status);
    expect([counts.get(202)?.length, counts.get(409)?.length]).toEqual([1, 19]);
  });

  it("shows the job as it is now, its output too", async () => {
    const done = await finish(generate(), { headers: { "idempotency-key": "done" } });
    const again = await post(generate(), "done");
    expect(again.status).toBe(200);
    expect(again.body).toEqual(done);
  });

  it("forgets the key when the job is erased", async () => {
    const first = await post(later(), "erased");
    expect((await call("DELETE", `/v1/jobs/${first.body.id}`)).status).toBe(204);
    const second = await post(later(), "erased");
    expect(second.status).toBe(202);
    expect(second.body.id).not.toBe(first.body.id);
  });

  it("takes 255 characters and refuses 256", async () => {
    expect((await post(later(), "k".repeat(255))).status).toBe(202);
    expectError(await post(later(), "k".repeat(256)), "invalid_request", "idempotency-key");
  });
});

describe("the key of a browser token's submit", () => {
  it("does not lead to a job of another channel", async () => {
    const [alice, bob] = await Promise.all(
      ["alice", "bob"].map((channel) => mint({ channel, allow: ["read", "submit"] })),
    );
    const headers = { "idempotency-key": "guessed" };
    const first = await call("POST", "/v1/jobs", { key: alice, json: later(), headers });
    expect(first.status).toBe(202);
    const second = await call("POST", "/v1/jobs", { key: bob, json: later(), headers });
    expectError(second, "idempotency_mismatch");
    expect(second.text).not.toContain(first.body.id);
  });

  it("gives the same job again though the token has no jobs left", async () => {
    const token = await mint({ channel: "carol", allow: ["submit"], max_jobs: 1 });
    const headers = { "idempotency-key": "carol's" };
    const first = await call("POST", "/v1/jobs", { key: token, json: later(), headers });
    const second = await call("POST", "/v1/jobs", { key: token, json: later(), headers });
    expect([first.status, second.status]).toEqual([202, 200]);
    expect(second.body.id).toBe(first.body.id);
  });
});

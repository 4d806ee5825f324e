import { describe, expect, it } from "vitest";
import type { JobOnWire } from "../../src/contract/job";
import { call, expectError, generate, type List, later, untilState } from "../support/http-client";

type Jobs = { object: string; data: JobOnWire[] };

function post(jobs: unknown, headers: Record<string, string> = {}) {
  return call<Jobs>("POST", "/v1/jobs/bulk", { json: { jobs }, headers });
}

const ids = (answer: { body: Jobs }) => answer.body.data.map((job) => job.id);

async function tagged(tag: string): Promise<number> {
  return (await call<List<JobOnWire>>("GET", `/v1/jobs?tag=${tag}&limit=100`)).body.data.length;
}

describe("POST /v1/jobs/bulk", () => {
  it("answers 202 with the jobs in the order of the request, without input, output and attempts", async () => {
    const answer = await post([3, 1, 2].map((priority) => later({ priority })));
    expect(answer.status).toBe(202);
    expect(Object.keys(answer.body)).toEqual(["object", "data"]);
    expect(answer.body.object).toBe("list");
    expect(answer.body.data.map((job) => job.priority)).toEqual([3, 1, 2]);
    for (const job of answer.body.data) {
      expect(job).toMatchObject({ object: "job", state: "pending", output: null });
      expect(job).not.toHaveProperty("input");
      expect(job).not.toHaveProperty("attempts");
    }
  });

  it("runs every job", async () => {
    const answer = await post(Array.from({ length: 5 }, (_, i) => generate({ lane: "bulk", priority: i })));
    const done = await Promise.all(ids(answer).map((id) => untilState(id, "completed")));
    expect(done.map((job) => job.priority)).toEqual([0, 1, 2, 3, 4]);
  });

  it("takes 1,000 jobs in one call, in order, and refuses 1,001", async () => {
    const jobs = Array.from({ length: 1_000 }, (_, i) => later({ metadata: { i } }));
    const answer = await post(jobs);
    expect(answer.status).toBe(202);
    expect(answer.body.data.map((job) => job.metadata)).toEqual(
      jobs.map((job) => ({ i: jobs.indexOf(job) })),
    );
    expect(new Set(ids(answer)).size).toBe(1_000);
    expectError(await post([...jobs, later()]), "invalid_request", "jobs");
  });

  it("takes jobs of several megabytes, and gives each its own input back", async () => {
    const jobs = Array.from({ length: 12 }, (_, i) =>
      later({ input: { prompt: `${i} ${"x".repeat(600_000)}` } }),
    );
    const answer = await post(jobs);
    expect(answer.status, answer.text.slice(0, 300)).toBe(202);
    const input = await call<{ prompt: string }>("GET", `/v1/jobs/${ids(answer)[11]}/input`);
    expect(input.body.prompt).toBe(jobs[11]?.input.prompt);
  });

  it("stores a bulk of rows as large as they get in one transaction", async () => {
    // Just below what goes to R2, in characters that are six bytes of JSON: several slices of one batch.
    const jobs = Array.from({ length: 400 }, (_, i) =>
      later({
        tags: ["full rows"],
        metadata: { pad: "\u0001".repeat(2_000) },
        input: { prompt: `${i}${"y".repeat(8_000)}` },
      }),
    );
    const answer = await post(jobs);
    expect(answer.status, answer.text.slice(0, 300)).toBe(202);
    expect(new Set(ids(answer)).size).toBe(400);
    const last = await call<{ prompt: string }>("GET", `/v1/jobs/${ids(answer)[399]}/input`);
    expect(last.body.prompt).toBe(jobs[399]?.input.prompt);
  });

  it.each([[[]], [{}], ["x"], [null]])("refuses %j as the list of jobs", async (jobs) => {
    expectError(await post(jobs), "invalid_request", "jobs");
  });
});

describe("a bulk submit with something wrong", () => {
  it("stores none of the jobs, and names the index and field of each problem", async () => {
    const jobs = [
      later({ tags: ["half"] }),
      later({ tags: ["half"], input: { prompt: 7 } }),
      later({ tags: ["half"] }),
      { ...later({ tags: ["half"] }), task: "transcribe" },
    ];
    const error = expectError(await post(jobs), "input_invalid", "jobs[1].input.prompt");
    expect(error.errors).toEqual([
      { index: 1, param: "jobs[1].input.prompt", message: expect.stringContaining("expected string") },
      { index: 3, param: "jobs[3].task", message: expect.stringContaining("transcribe") },
    ]);
    expect(await tagged("half")).toBe(0);
  });

  it("names them in the same way when the body itself does not fit", async () => {
    const answer = await post([later(), later({ priority: "high" }), later({ tags: [1] })]);
    const error = expectError(answer, "invalid_request", "jobs[1].priority");
    expect(error.errors?.map(({ index, param }) => [index, param])).toEqual([
      [1, "jobs[1].priority"],
      [2, "jobs[2].tags[0]"],
    ]);
  });

  it("names the index of a single problem too", async () => {
    const error = expectError(
      await post([later(), { ...later(), task: "transcribe" }]),
      "unknown_task",
      "jobs[1].task",
    );
    expect(error.errors).toEqual([{ index: 1, param: "jobs[1].task", message: expect.any(String) }]);
  });

  it("names the index in a list of one", async () => {
    expectError(await post([{ ...later(), task: "transcribe" }]), "unknown_task", "jobs[0].task");
    expectError(await post([later({ priority: "high" })]), "invalid_request", "jobs[0].priority");
  });
});

describe("idempotency of a bulk submit", () => {
  it("covers the whole call: the same key and body give the same jobs in the same order", async () => {
    const jobs = [1, 2, 3].map((priority) => later({ priority, tags: ["whole"] }));
    const first = await post(jobs, { "idempotency-key": "whole" });
    const second = await post(jobs, { "idempotency-key": "whole" });
    expect([first.status, second.status]).toEqual([202, 200]);
    expect(second.body).toEqual(first.body);
    expect(await tagged("whole")).toBe(3);
  });

  it("makes the jobs once when equal calls come at the same time", async () => {
    const jobs = [1, 2, 3].map((priority) => later({ priority, tags: ["rush"] }));
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => post(jobs, { "idempotency-key": "rush" })),
    );
    expect(new Set(answers.map((answer) => ids(answer).join())).size).toBe(1);
    expect(await tagged("rush")).toBe(3);
  });

  it.each([
    ["another job", [later({ priority: 1 }), later({ priority: 9 })]],
    ["another order", [later({ priority: 2 }), later({ priority: 1 })]],
    ["one job less", [later({ priority: 1 })]],
    ["a key on an item", [later({ priority: 1 }), { ...later({ priority: 2 }), idempotency_key: "new" }]],
  ])("answers 409 to the same key with another body: %s", async (name, jobs) => {
    const headers = { "idempotency-key": `bulk with ${name}` };
    expect((await post([later({ priority: 1 }), later({ priority: 2 })], headers)).status).toBe(202);
    expectError(await post(jobs, headers), "idempotency_mismatch", "Idempotency-Key");
  });

  it("lets an item carry its own key, which leads to the job it had made before", async () => {
    const item = later({ idempotency_key: "item", tags: ["item"] });
    const first = await post([item]);
    const second = await post([later({ tags: ["item"] }), item]);
    expect(second.status).toBe(202);
    expect(ids(second)[1]).toBe(ids(first)[0]);
    expect(await tagged("item")).toBe(2);
    const single = await call("POST", "/v1/jobs", {
      json: later({ tags: ["item"] }),
      headers: { "idempotency-key": "item" },
    });
    expect([single.status, single.body.id]).toEqual([200, ids(first)[0]]);
  });

  it("answers 409 with the index of the item whose key came with another body, and stores nothing", async () => {
    expect((await post([later({ idempotency_key: "taken" })])).status).toBe(202);
    const answer = await post([later({ tags: ["none"] }), later({ idempotency_key: "taken", priority: 9 })]);
    const error = expectError(answer, "idempotency_mismatch", "jobs[1].idempotency_key");
    expect(error.errors?.map(({ index }) => index)).toEqual([1]);
    expect(await tagged("none")).toBe(0);
  });

  it("names the item of a list of one whose key came with another body", async () => {
    expect((await post([later({ idempotency_key: "lone" })])).status).toBe(202);
    const answer = await post([later({ idempotency_key: "lone", priority: 9 })]);
    expectError(answer, "idempotency_mismatch", "jobs[0].idempotency_key");
  });

  it("makes one job of two equal items with the same key", async () => {
    const item = later({ idempotency_key: "twins", tags: ["twins"] });
    const answer = await post([item, item]);
    expect(answer.status).toBe(202);
    const [first, second] = ids(answer);
    expect(second).toBe(first);
    expect(await tagged("twins")).toBe(1);
  });

  it("answers 409 with the index of the second of two different items with the same key", async () => {
    const jobs = [
      later({ idempotency_key: "clash", tags: ["clash"] }),
      later({ idempotency_key: "clash", priority: 1 }),
    ];
    const error = expectError(await post(jobs), "idempotency_mismatch", "jobs[1].idempotency_key");
    expect(error.errors?.map(({ index }) => index)).toEqual([1]);
    expect(await tagged("clash")).toBe(0);
  });

  it("gives the same answer again when an item's key had led to an older job", async () => {
    const old = later({ idempotency_key: "older" });
    const [oldId] = ids(await post([old]));
    const jobs = [later({ priority: 1 }), old];
    const first = await post(jobs, { "idempotency-key": "mixed" });
    const second = await post(jobs, { "idempotency-key": "mixed" });
    expect(ids(first)[1]).toBe(oldId);
    expect([second.status, ids(second)]).toEqual([200, ids(first)]);
  });

  it("shows the older jobs when every item's key had led to one", async () => {
    const jobs = [later({ idempotency_key: "all 1" }), later({ idempotency_key: "all 2" })];
    const before = await post(jobs);
    const first = await post(jobs, { "idempotency-key": "all" });
    expect([first.status, ids(first)]).toEqual([200, ids(before)]);
    expect(ids(await post(jobs, { "idempotency-key": "all" }))).toEqual(ids(before));
  });
});

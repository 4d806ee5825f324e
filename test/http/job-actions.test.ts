import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { JobOnWire } from "../../src/contract/job";
import {
  call,
  expectError,
  finish,
  generate,
  JOB_ROUTES,
  later,
  slow,
  stop,
  submit,
  untilState,
} from "../support/http-client";
import { theRow } from "../support/rows";

const act = (id: string, action: string) => call("POST", `/v1/jobs/${id}/${action}`);
const erase = (id: string) => call("DELETE", `/v1/jobs/${id}`);
const MISSING = "job_01KAM2T2Q5W4R0E8Z6S3N7Y9XB";

type Cancelled = JobOnWire & { cancel: string };

describe("POST /v1/jobs/{id}/cancel", () => {
  it("cancels a pending job at once", async () => {
    const job = await submit(later());
    const answer = await act(job.id, "cancel");
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ id: job.id, state: "cancelled", reason: null, error: null, run: 0 });
    expect(answer.body.finished_at).not.toBeNull();
    expect(answer.body.cancel_requested_at).not.toBeNull();
    expect(answer.body.version).toBe(job.version + 1);
    const { cancel, ...shown } = answer.body as Cancelled;
    expect(cancel).toBe("cancelled");
    expect((await call("GET", `/v1/jobs/${job.id}`)).body).toEqual(shown);
  });

  it("asks a running job to stop, which ends it with its text so far and its usage", async () => {
    const job = await submit(generate({ stream: true }, "sandbox/chat!tokens=600,tps=100"));
    await untilState(job.id, "running");
    const asked = await act(job.id, "cancel");
    expect([asked.status, asked.body.state]).toEqual([200, "running"]);
    expect((asked.body as Cancelled).cancel).toBe("cancelling");
    expect(asked.body.cancel_requested_at).not.toBeNull();
    const ended = await untilState(job.id, "cancelled");
    const output = ended.output as { text: string; finish_reason: string };
    expect(output.finish_reason).toBe("cancelled");
    expect(output.text).not.toBe("");
    expect(ended.usage?.output_tokens).toBeGreaterThan(0);
    expect(ended.error).toBeNull();
  });

  it("may be repeated, whatever the job's state, and changes nothing then", async () => {
    const pending = await submit(later());
    const first = await act(pending.id, "cancel");
    expect((await act(pending.id, "cancel")).body).toEqual({ ...first.body, cancel: "already_final" });
    const running = await submit(slow());
    await untilState(running.id, "running");
    const asked = await act(running.id, "cancel");
    const again = await act(running.id, "cancel");
    expect(again.body).toMatchObject({
      ...{ cancel: "cancelling", cancel_requested_at: asked.body.cancel_requested_at },
    });
    await untilState(running.id, "cancelled");
  });

  it.each([
    ["completed", generate()],
    ["failed", generate({}, "sandbox/chat!status=400")],
  ])("leaves a %s job as it is", async (state, body) => {
    const job = await finish(body);
    expect(job.state).toBe(state);
    const answer = await act(job.id, "cancel");
    expect([answer.status, answer.body]).toEqual([200, { ...job, cancel: "already_final" }]);
  });
});

describe("POST /v1/jobs/{id}/retry", () => {
  it("starts a failed job over under the same id", async () => {
    const failed = await finish(generate({ max_attempts: 1 }, "sandbox/chat!status=500"));
    const answer = await act(failed.id, "retry");
    expect(answer.status).toBe(202);
    expect(answer.headers.get("location")).toBe(`/v1/jobs/${failed.id}`);
    expect(answer.body).toMatchObject({
      id: failed.id,
      state: "pending",
      error: null,
      attempt: 0,
      rerun_of: null,
    });
    const again = await untilState(failed.id, "failed");
    expect(again.run).toBe(2);
    expect(again.attempts).toHaveLength(2);
  });

  it("starts a cancelled job over under the same id", async () => {
    const job = await submit(generate({ delay_s: 3_600 }));
    await stop(job.id);
    const answer = await act(job.id, "retry");
    expect(answer.body).toMatchObject({ id: job.id, state: "pending", cancel_requested_at: null });
    expect((await untilState(job.id, "completed")).output).toMatchObject({ text: "Hello" });
  });

  it("submits a completed job anew, with everything it was submitted with", async () => {
    const options = {
      channel: "again",
      tags: ["t"],
      metadata: { a: 1 },
      lane: "bulk",
      priority: 3,
      max_attempts: 2,
    };
    const done = await finish(generate({ ...options, timeout_s: 30, stream: true }));
    const answer = await act(done.id, "retry");
    expect(answer.status).toBe(202);
    expect(answer.body.id).not.toBe(done.id);
    expect(answer.headers.get("location")).toBe(`/v1/jobs/${answer.body.id}`);
    expect(answer.body).toMatchObject({ ...options, timeout_s: 30, stream: true, rerun_of: done.id });
    const again = await untilState(answer.body.id, "completed");
    expect(again.output).toEqual(done.output);
    expect((await call("GET", `/v1/jobs/${done.id}`)).body).toEqual(done);
  });

  it("gives a rerun its own copy of a large input", async () => {
    const body = generate();
    body.input.prompt = "long ".repeat(4_000);
    const done = await finish(body);
    const rerun = (await act(done.id, "retry")).body;
    await untilState(rerun.id, "completed");
    expect((await erase(done.id)).status).toBe(204);
    const input = await call<{ prompt: string }>("GET", `/v1/jobs/${rerun.id}/input`);
    expect(input.body.prompt).toHaveLength(20_000);
  });

  it("shows the job with the same fields as every other answer", async () => {
    const failed = await finish(generate({}, "sandbox/chat!status=400"));
    const { body } = await act(failed.id, "retry");
    expect(Object.keys(body).sort()).toEqual(Object.keys(failed).sort());
  });

  it("answers 409 to a job that has not ended, pending or running", async () => {
    const pending = await submit(later());
    expectError(await act(pending.id, "retry"), "job_not_final");
    const running = await submit(slow());
    await untilState(running.id, "running");
    expectError(await act(running.id, "retry"), "job_not_final");
    await stop(running.id);
  });
});

describe("DELETE /v1/jobs/{id}", () => {
  it("erases the row, the tags and every object, and answers 404 from then on", async () => {
    const body = generate({ tags: ["gone"], channel: "gone" }, "sandbox/chat!tokens=5000");
    body.input.prompt = "long ".repeat(4_000);
    const job = await finish(body, { headers: { "idempotency-key": "gone" } });
    const prefix = `default/${job.id}/`;
    expect((await env.BUCKET.list({ prefix })).objects).toHaveLength(2);
    const answer = await erase(job.id);
    expect([answer.status, answer.text]).toEqual([204, ""]);
    expect((await env.BUCKET.list({ prefix })).objects).toEqual([]);
    for (const table of ["jobs WHERE id", "job_tags WHERE job_id", "idempotency_keys WHERE job_id"]) {
      const found = await env.DB.prepare(`SELECT * FROM ${table} = ?`).bind(job.id).all();
      expect(found.results, table).toEqual([]);
    }
    for (const path of ["", "/input", "/output", "/events"]) {
      expectError(await call("GET", `/v1/jobs/${job.id}${path}`), "not_found");
    }
    expectError(await erase(job.id), "not_found");
    for (const action of ["cancel", "retry"]) expectError(await act(job.id, action), "not_found");
  });

  it("erases a pending job, which then never runs", async () => {
    const job = await submit(later());
    expect((await erase(job.id)).status).toBe(204);
    expectError(await call("GET", `/v1/jobs/${job.id}`), "not_found");
  });

  it("hides a running job at once with 202, and removes it when its run has stopped", async () => {
    const job = await submit(slow({ tags: ["hidden"], channel: "hidden" }));
    await untilState(job.id, "running");
    expect((await erase(job.id)).status).toBe(202);
    expectError(await call("GET", `/v1/jobs/${job.id}`), "not_found");
    expectError(await act(job.id, "cancel"), "not_found");
    for (const filter of ["tag=hidden", "channel=hidden", "state=running", "task=generate"]) {
      const { body } = await call<{ data: JobOnWire[] }>("GET", `/v1/jobs?limit=100&${filter}`);
      expect(body.data.map((one) => one.id)).not.toContain(job.id);
    }
    await vi.waitFor(async () => expect(await theRow(job.id)).toBeNull(), { timeout: 8_000 });
  });

  it("erases the objects of every run", async () => {
    const job = await finish(generate({ max_attempts: 1 }, "sandbox/chat!tokens=5000"));
    await env.BUCKET.put(`default/${job.id}/7/output`, "of a run that lost");
    await erase(job.id);
    expect((await env.BUCKET.list({ prefix: `default/${job.id}/` })).objects).toEqual([]);
  });
});

describe("a job that is not there", () => {
  it.each(JOB_ROUTES)("is 404 for %s /v1/jobs/{id}%s", async (method, path) => {
    expectError(await call(method, `/v1/jobs/${MISSING}${path}`), "not_found");
  });
});

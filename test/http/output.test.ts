import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import {
  call,
  expectError,
  finish,
  generate,
  later,
  open,
  slow,
  stop,
  submit,
  untilState,
} from "../support/http-client";

type Output = { text: string };

/** 128 KB: up to here a job shows its output. */
const SHOWN_OUTPUT_BYTES = 131_072;

/** The sandbox answers with this text. */
function reply(text: string) {
  const input = { prompt: "Say it.", model: "sandbox/chat", provider_options: { sandbox: { reply: text } } };
  return { task: "generate", input };
}

async function keysInR2(id: string): Promise<string[]> {
  const { objects } = await env.BUCKET.list({ prefix: `default/${id}/` });
  return objects.map((object) => object.key);
}

describe("GET /v1/jobs/{id}/input", () => {
  it("gives the input back as JSON, while the job is pending too", async () => {
    const input = { prompt: "Grüße \u0000 \u{1f600}", model: "sandbox/chat", temperature: 0.5 };
    const job = await submit({ task: "generate", input, delay_s: 60 });
    const response = await open("GET", `/v1/jobs/${job.id}/input`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual(input);
  });

  it("streams a large one from R2", async () => {
    const prompt = "é".repeat(300_000);
    const job = await submit({ task: "generate", input: { prompt }, delay_s: 60 });
    expect(await keysInR2(job.id)).toEqual([`default/${job.id}/input`]);
    const { body } = await call<{ prompt: string }>("GET", `/v1/jobs/${job.id}/input`);
    expect(body.prompt === prompt).toBe(true);
  });

  it("keeps what JSON can say and few databases can store", async () => {
    const odd = {
      prompt: "a",
      provider_options: { nul: "\u0000", lone: "\ud800", deep: [[[[{}]]]], tiny: 1e-300 },
    };
    const job = await submit({ task: "generate", input: odd, delay_s: 60 });
    expect((await call("GET", `/v1/jobs/${job.id}/input`)).body).toEqual(odd);
  });
});

describe("GET /v1/jobs/{id}/output", () => {
  it("gives the output as JSON, the same that the job shows", async () => {
    const job = await finish(generate());
    const response = await open("GET", job.output_url ?? "");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    const text = await response.text();
    expect(JSON.parse(text)).toEqual(job.output);
    expect(new TextEncoder().encode(text).byteLength).toBe(job.output_bytes);
  });

  it("streams one from R2 that the job still shows", async () => {
    const text = "words and words ".repeat(2_000);
    const job = await finish(reply(text));
    expect(await keysInR2(job.id)).toContain(`default/${job.id}/1/output`);
    expect((job.output as Output).text === text).toBe(true);
    const { body } = await call<Output>("GET", `/v1/jobs/${job.id}/output`);
    expect(body.text === text).toBe(true);
  });

  it("is the way to an output above 128 KB, which the job shows as null with its size and address", async () => {
    const text = "ü".repeat(SHOWN_OUTPUT_BYTES / 2);
    const job = await finish(reply(text));
    expect(job).toMatchObject({ state: "completed", output: null, output_url: `/v1/jobs/${job.id}/output` });
    expect(job.output_bytes).toBeGreaterThan(SHOWN_OUTPUT_BYTES);
    const { body } = await call<Output>("GET", job.output_url ?? "");
    expect(body.text === text).toBe(true);
  });

  it("shows an output of exactly 128 KB in the job", async () => {
    const around = JSON.stringify({ text: "", finish_reason: "stop", model: "sandbox/chat" }).length;
    const job = await finish(reply("x".repeat(SHOWN_OUTPUT_BYTES - around)));
    expect(job.output_bytes).toBe(SHOWN_OUTPUT_BYTES);
    expect((job.output as Output).text).toHaveLength(SHOWN_OUTPUT_BYTES - around);
  });

  it("answers 409 output_not_ready before the end, pending or running", async () => {
    const pending = await submit(later());
    expectError(await call("GET", `/v1/jobs/${pending.id}/output`), "output_not_ready");
    const running = await submit(slow());
    await untilState(running.id, "running");
    expectError(await call("GET", `/v1/jobs/${running.id}/output`), "output_not_ready");
    await stop(running.id);
  });

  it("answers 404 with the state when the job ended without one", async () => {
    const job = await finish(generate({}, "sandbox/chat!status=400"));
    const error = expectError(await call("GET", `/v1/jobs/${job.id}/output`), "not_found");
    expect(error.message).toContain("failed");
  });

  it("answers 503 when the object store does not answer", async () => {
    const job = await finish(reply("text ".repeat(4_000)));
    const BUCKET = new Proxy(env.BUCKET, {
      get: () => () => Promise.reject(new Error("R2 is away")),
    });
    const answer = await call("GET", `/v1/jobs/${job.id}/output`, { env: { ...env, BUCKET } });
    const error = expectError(answer, "store_unavailable");
    expect(answer.headers.get("retry-after")).toBe("2");
    expect(error.message).not.toContain("R2 is away");
  });
});

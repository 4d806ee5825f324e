import { describe, expect, it } from "vitest";
import { call, expectError, finish, generate, open, submit, untilState } from "../support/http-client";
import { followStream, shown } from "../support/stream-reader";

type Message = { type: string; text?: string; state?: string };

const streamed = (over = {}) =>
  generate({ stream: true, input: { prompt: "Tea", model: "sandbox/chat!tokens=30,tps=200" }, ...over });

describe("GET /v1/jobs/{id}/stream", () => {
  it("has all that a job has said, and its end, when the job has ended", async () => {
    const job = await finish(streamed());
    const { status, body, headers } = await call<Message[]>("GET", `/v1/jobs/${job.id}/stream`);
    expect(status).toBe(200);
    expect(shown(body)).toBe((job.output as { text: string }).text);
    expect(body.at(-1)).toEqual({ type: "end", state: "completed", error: null });
    expect(headers.get("stream-closed")).toBe("true");
  });

  it("sends it as it comes, over server-sent events", async () => {
    const job = await submit(streamed());
    const response = await open("GET", `/v1/jobs/${job.id}/stream?offset=-1&live=sse`);
    const text = await response.text();
    const messages = [...text.matchAll(/event: data\ndata:(.*)\n/g)].flatMap(([, data = ""]) =>
      JSON.parse(data),
    );
    const done = await call<{ output: { text: string } }>("GET", `/v1/jobs/${job.id}`);
    expect(shown(messages)).toBe(done.body.output.text);
    expect(messages.at(-1)).toMatchObject({ type: "end", state: "completed" });
    expect(messages.length).toBeGreaterThan(2);
  });

  it("is open again as soon as a failed job is retried, so that nobody takes its old end for the new one", async () => {
    const model = "sandbox/chat!status=400,times=1";
    const job = await finish(
      streamed({ input: { prompt: "Tea", model }, concurrency: { key: "one", limit: 1 } }),
    );
    expect(job.state).toBe("failed");
    const busy = await submit(
      generate({ concurrency: { key: "one", limit: 1 } }, "sandbox/chat!tokens=40,tps=100"),
    );
    await call("POST", `/v1/jobs/${job.id}/retry`);
    const { body, headers } = await call<Message[]>("GET", `/v1/jobs/${job.id}/stream`);
    expect(headers.get("stream-closed")).toBeNull();
    expect(body.at(-1)).toMatchObject({ type: "rollback", text: "" });
    await followStream(job.id).ended;
    await untilState(busy.id, "completed");
  });

  it("is no stream of a job that was not asked to stream", async () => {
    const job = await finish(generate());
    expectError(await call("GET", `/v1/jobs/${job.id}/stream`), "not_found");
  });
});

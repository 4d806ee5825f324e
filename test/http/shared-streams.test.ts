import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { call, expectError, finish, generate, open, submit, untilState } from "../support/http-client";
import { followStream, shown } from "../support/stream-reader";

beforeEach(() => env.DB.exec("DELETE FROM cache_entries"));

type Message = { type: string; text?: string; state?: string };

const asking = (model: string, fields: Record<string, unknown> = {}) =>
  generate({ cache: {}, stream: true, ...fields }, model);

const quick = "sandbox/chat!reply=Hello";
const slow = "sandbox/chat!tokens=60,tps=60";

const textOf = (job: { output: unknown }) => (job.output as { text: string }).text;

describe("the stream of a job that was answered by the cache", () => {
  it("is its text in one piece and the end, however it is read", async () => {
    await finish(asking(quick));
    const hit = await finish(asking(quick));
    const whole = [
      { type: "text", text: "Hello" },
      { type: "end", state: "completed", error: null },
    ];
    const { body, headers } = await call<Message[]>("GET", `/v1/jobs/${hit.id}/stream`);
    expect(body).toEqual(whole);
    expect(headers.get("stream-closed")).toBe("true");
    const offset = headers.get("stream-next-offset") ?? "";
    expect((await call("GET", `/v1/jobs/${hit.id}/stream?offset=${offset}`)).body).toEqual([]);
    const live = followStream(hit.id);
    await live.ended;
    expect(live.messages).toEqual(whole);
    expectError(
      await call("GET", `/v1/jobs/${hit.id}/stream?offset=${offset.slice(0, -1)}7`),
      "invalid_request",
      "offset",
    );
  });

  it("is told to a WebSocket too", async () => {
    await finish(asking(quick));
    const hit = await finish(asking(quick));
    const { webSocket } = await open("GET", `/v1/jobs/${hit.id}/stream`, {
      headers: { upgrade: "websocket" },
    });
    const frame = new Promise<string>((heard) => {
      webSocket?.addEventListener("message", ({ data }) => heard(String(data)));
    });
    webSocket?.accept();
    expect(JSON.parse(await frame)).toMatchObject({
      closed: true,
      data: [{ type: "text", text: "Hello" }, { type: "end" }],
    });
  });

  it("is what POST /v1/generate answers with", async () => {
    const json = { input: generate({}, quick).input, cache: {} };
    await finish(asking(quick));
    const text = await (await open("POST", "/v1/generate", { json })).text();
    expect(text).toContain('"state":"completed"');
    expect(text).toContain(
      'data:[{"type":"text","text":"Hello"},{"type":"end","state":"completed","error":null}]',
    );
    expect(text).toContain('"streamClosed":true');
  });
});

describe("the stream of a job that waits for an equal one", () => {
  it("is that one's, as it is written", async () => {
    const leader = await submit(asking(slow));
    const follower = await submit(asking(slow));
    expect(follower.state).toBe("waiting");
    const [led, followed] = [followStream(leader.id), followStream(follower.id, 6)];
    await followed.untilSome();
    expect((await call("GET", `/v1/jobs/${follower.id}`)).body.state).toBe("waiting");
    await Promise.all([led.ended, followed.ended]);
    expect(followed.text).toBe(textOf(await untilState(follower.id, "completed")));
    expect(followed.messages.some(({ type }) => type === "rollback")).toBe(false);
    const { body } = await call<Message[]>("GET", `/v1/jobs/${follower.id}/stream`);
    expect(shown(body)).toBe(followed.text);
  });

  it("is its text at the end when that one has no stream", async () => {
    await submit(asking(slow, { stream: false }));
    const follower = await submit(asking(slow));
    const read = followStream(follower.id);
    await read.ended;
    expect(read.text).toBe(textOf(await untilState(follower.id, "completed")));
    expect(read.messages.at(-1)).toMatchObject({ type: "end", state: "completed" });
    expect(read.messages.at(-1)).not.toHaveProperty("cut");
  });

  it("goes on with the next one when that is cancelled, and says that all before is void", async () => {
    const leader = await submit(asking(slow));
    const follower = await submit(asking(slow));
    const read = followStream(follower.id);
    await read.untilSome();
    await call("POST", `/v1/jobs/${leader.id}/cancel`);
    await read.ended;
    const done = await untilState(follower.id, "completed");
    expect(done.cached).toBe(false);
    expect(read.text).toBe(textOf(done));
    expect(read.messages.filter(({ type }) => type === "rollback").length).toBe(1);
    expect(read.messages.filter(({ type }) => type === "end")).toEqual([
      { type: "end", state: "completed", error: null },
    ]);
  });

  it("has the end of a failure that both share", async () => {
    const model = "sandbox/chat!status=400,ttft=500";
    const leader = await submit(asking(model));
    const follower = await submit(asking(model));
    const read = followStream(follower.id);
    await read.ended;
    expect(read.messages.at(-1)).toMatchObject({
      type: "end",
      state: "failed",
      error: { code: "provider_bad_request" },
    });
    expect((await untilState(follower.id, "failed")).error).toEqual(
      (await untilState(leader.id, "failed")).error,
    );
  });
});

// The sandbox's chat model, its options, and its wire format.

import { describe, expect, it, vi } from "vitest";
import { AppError } from "../../src/core/errors";
import { sandboxFetch } from "../../src/llm/sandbox/sandbox-fetch";
import { sandbox, user } from "./sandbox-harness";

const attempt = (n: number, id = "job_1") => ({ job: { id, attempt: n } });

describe("sandbox/chat", () => {
  it("answers the same prompt with the same text, about the prompt, and says that it is made up", async () => {
    const [first, second] = await Promise.all([sandbox().chat(), sandbox().chat()]);
    expect(first.text).toBe(second.text);
    expect(first.text).toMatch(/^# Tea in Lisbon/);
    expect(first.text).toContain("sandbox");
    expect(first.finish_reason).toBe("stop");
  });

  it("answers another prompt or seed with another text", async () => {
    const { chat } = sandbox();
    const texts = await Promise.all([
      chat(),
      chat({}, { seed: 2 }),
      chat({}, { messages: user("Tea in Porto") }),
    ]);
    expect(new Set(texts.map(({ text }) => text)).size).toBe(3);
  });

  it.each(["Hi", "¿?", "🍵🍵🍵", "a".repeat(50_000), "$& {word} {topic}"])(
    "answers %s with 60 to 220 tokens",
    async (prompt) => {
      const { usage } = await sandbox().chat({}, { messages: user(prompt) });
      expect(usage.output_tokens).toBeGreaterThan(20);
      expect(usage.output_tokens).toBeLessThan(260);
    },
  );

  it("counts four characters a token, and costs nothing", async () => {
    const { chat, usages } = sandbox();
    const { usage } = await chat({ reply: "12345678" });
    expect(usage).toEqual({
      input_tokens: 11,
      output_tokens: 2,
      cached_tokens: 0,
      reasoning_tokens: 0,
      cost_usd: 0,
    });
    expect(usages).toEqual([usage]);
  });

  it("stops at max_output_tokens with finish_reason length", async () => {
    const { text, finish_reason, usage } = await sandbox().chat({}, { max_output_tokens: 10 });
    expect([text.length, finish_reason, usage.output_tokens]).toEqual([40, "length", 10]);
  });

  it("answers with JSON that is asked for, and with a plain document when it is not streamed", async () => {
    const { text } = await sandbox().chat({}, { response_format: { type: "json_object" } });
    expect(JSON.parse(text)).toHaveProperty("answer");
    const body = { model: "chat", messages: user("hi"), sandbox: { reply: "yes" } };
    const response = await post("/chat/completions", body);
    expect(await response.json()).toMatchObject({
      object: "chat.completion",
      choices: [{ message: { content: "yes" }, finish_reason: "stop" }],
      usage: { completion_tokens: 1 },
    });
  });
});

describe("an option", () => {
  it("in the model's name does what it does in the body, and the body wins", async () => {
    const { chat } = sandbox();
    expect((await chat({}, { model: "sandbox/chat!reply=hello" })).text).toBe("hello");
    expect((await chat({ reply: "bye" }, { model: "sandbox/chat!reply=hello" })).text).toBe("bye");
    expect((await chat({}, { model: "sandbox/chat!tokens=7, usage=off" })).usage).toMatchObject({
      output_tokens: 7,
      estimated: true,
    });
  });

  it.each([
    ["tokens", { tokens: 500 }, { usage: { output_tokens: 500 } }],
    ["reply", { reply: "exactly this" }, { text: "exactly this" }],
    ["reply with emoji", { reply: "ab🍵🍵🍵🍵" }, { text: "ab🍵🍵🍵🍵" }],
    ["finish", { finish: "length" }, { finish_reason: "length" }],
    ["usage=off", { usage: "off" }, { usage: { estimated: true } }],
  ])("%s shapes the answer", async (_, options, expected) => {
    expect(await sandbox().chat(options)).toMatchObject(expected);
  });

  it.each([
    ["status", { status: 503 }, { code: "provider_error" }],
    [
      "retry_after",
      { status: 429, retry_after: 90 },
      { code: "provider_rate_limited", retryAfterMs: 90_000 },
    ],
    ["cut", { cut: 3 }, { code: "stream_cut" }],
    ["cut=0", { cut: 0 }, { code: "stream_cut" }],
    ["refuse", { refuse: true }, { code: "content_refused" }],
    ["finish=content_filter", { finish: "content_filter" }, { code: "content_refused" }],
    ["rate", { rate: 1 }, { code: "provider_error" }],
  ])("%s makes the call fail", async (_, options, error) => {
    await expect(sandbox().chat(options)).rejects.toMatchObject(error);
  });

  it.each([{ status: 500 }, { cut: 1 }])(
    "times=2 with %o fails two attempts and not the third",
    async (fault) => {
      const run = (n: number) =>
        sandbox(attempt(n))
          .chat({ ...fault, times: 2 })
          .then(
            () => "ok",
            () => "failed",
          );
      expect(await Promise.all([run(1), run(2), run(3)])).toEqual(["failed", "failed", "ok"]);
    },
  );

  it("rate fails that share of jobs and attempts, the same ones each time", async () => {
    const outcomes = async () =>
      Promise.all(
        Array.from({ length: 300 }, (_, i) =>
          sandbox(attempt(1 + (i % 3), `job_${i % 100}`))
            .chat({ rate: 0.3, status: 502 })
            .then(
              () => 0,
              () => 1 as number,
            ),
        ),
      );
    const [first, second] = [await outcomes(), await outcomes()];
    const share = first.reduce((sum, failed) => sum + failed, 0) / first.length;
    expect(first).toEqual(second);
    expect(share).toBeGreaterThan(0.2);
    expect(share).toBeLessThan(0.4);
  });

  it.each([
    [{ tsp: 5 }, /sandbox.*tsp.*The options are tps, ttft_ms/],
    [{ tps: "fast" }, /sandbox\.tps/],
    [{ status: 200 }, /sandbox\.status/],
    [{ rate: 2 }, /sandbox\.rate/],
    [{ times: 2 }, /sandbox\.times.*give status, cut or malformed/],
  ])("that is wrong (%o) is a 400 that says what is right", async (options, message) => {
    const error = await sandbox()
      .chat(options)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "provider_bad_request", message: expect.stringMatching(message) });
  });

  it("tps and ttft_ms pace the stream", async () => {
    vi.useFakeTimers();
    try {
      const pieces: string[] = [];
      const options = { reply: "12345678", tps: 10, ttft_ms: 300 };
      const chat = sandbox().chat(options, { onText: (text: string) => pieces.push(text) });
      await vi.advanceTimersByTimeAsync(399);
      expect(pieces).toEqual([]);
      await vi.advanceTimersByTimeAsync(1);
      expect(pieces).toEqual(["1234"]);
      await vi.advanceTimersByTimeAsync(100);
      expect((await chat).text).toBe("12345678");
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("an abort", () => {
  it("stops a slow stream at once, with the usage so far", async () => {
    const controller = new AbortController();
    const reason = new AppError("cancelled");
    const { chat, usages } = sandbox({ signal: controller.signal });
    const options = { tokens: 10_000, tps: 400 };
    const running = chat(options, { onText: () => controller.abort(reason) });
    await expect(running).rejects.toBe(reason);
    expect(usages).toMatchObject([{ input_tokens: 11, output_tokens: 8, estimated: true }]);
  });

  it("stops a call that waits for its first token", async () => {
    const controller = new AbortController();
    const { llm } = sandbox({ signal: controller.signal });
    const options = { provider_options: { sandbox: { ttft_ms: 600_000 } } };
    const running = llm.embed({ model: "sandbox/embedding", inputs: ["a"], ...options });
    setImmediate(() => controller.abort(new AppError("timeout")));
    await expect(running).rejects.toMatchObject({ code: "timeout" });
  });
});

describe("the wire", () => {
  it("lists its models", async () => {
    const response = await sandboxFetch("https://sandbox.invalid/v1/models");
    expect(await response.json()).toMatchObject({
      data: [{ id: "chat" }, { id: "limited" }, { id: "embedding" }],
    });
  });

  it.each([
    ["/chat/completions", { model: "gpt-5", messages: user("hi") }, 404, "model_not_found"],
    ["/chat/completions", { model: "embedding", messages: user("hi") }, 404, "model_not_found"],
    ["/chat/completions", { model: "chat" }, 400, "invalid_request"],
    ["/embeddings", { model: "embedding", input: [] }, 400, "invalid_request"],
    ["/images", {}, 404, "not_found"],
  ])("refuses %s with %o as OpenAI would", async (path, body, status, code) => {
    const response = await post(path, body);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { code, message: expect.any(String) } });
  });
});

function post(path: string, body: unknown): Promise<Response> {
  const init = { method: "POST", body: JSON.stringify(body) };
  return sandboxFetch(`https://sandbox.invalid/v1${path}`, init);
}

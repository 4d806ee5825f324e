// What every kind of provider failure becomes.

import { describe, expect, it } from "vitest";
import { AppError } from "../../src/core/errors";
import { parseRetryAfter } from "../../src/llm/classify";
import { acme, eventStream, failure, hello, textChunk, withProvider } from "./fake-provider";

async function errorOf(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof AppError) return error;
  throw new Error(`expected an AppError, got ${String(error)}`);
}

const chatError = (response: () => Response | Promise<Response>) =>
  errorOf(withProvider(response).llm.chat(hello));

describe("an error status", () => {
  it.each([
    [400, "provider_bad_request", false],
    [401, "provider_auth", false],
    [402, "provider_quota", false],
    [403, "provider_auth", false],
    [404, "provider_not_found", false],
    [408, "provider_timeout", true],
    [409, "provider_conflict", true],
    [413, "provider_bad_request", false],
    [418, "provider_bad_request", false],
    [422, "provider_bad_request", false],
    [429, "provider_rate_limited", true],
    [500, "provider_error", true],
    [503, "provider_error", true],
    [529, "provider_error", true],
  ] as const)("%i is %s, retryable: %s", async (status, code, retryable) => {
    const error = await chatError(() => failure(status));
    expect([error.code, error.retryable]).toEqual([code, retryable]);
  });

  it("is not retried by the SDK behind the job's back", async () => {
    const { llm, sent } = withProvider(() => failure(503));
    await errorOf(llm.chat(hello));
    expect(sent).toHaveLength(1);
  });

  it("uses nothing, and says so once", async () => {
    const { llm, usages } = withProvider(() => failure(500));
    await errorOf(llm.chat(hello));
    expect(usages).toEqual([
      { input_tokens: 0, output_tokens: 0, cached_tokens: 0, reasoning_tokens: 0, cost_usd: 0 },
    ]);
  });
});

describe("a meaning beyond the status", () => {
  it.each([
    [429, { code: "insufficient_quota" }, "provider_quota", false],
    [429, { type: "insufficient_quota", code: null }, "provider_quota", false],
    [429, { code: "rate_limit_exceeded" }, "provider_rate_limited", true],
    [400, { code: "context_length_exceeded" }, "context_too_long", false],
    [400, { message: "This model's maximum context length is 4096 tokens" }, "context_too_long", false],
    [422, { message: "exceeds the available context size" }, "context_too_long", false],
    [400, { code: "content_policy_violation" }, "content_refused", false],
    [400, { code: "content_filter" }, "content_refused", false],
    [500, { message: "context length cache broken" }, "provider_error", true],
  ] as const)("%i with %o is %s", async (status, body, code, retryable) => {
    const error = await chatError(() => failure(status, body));
    expect([error.code, error.retryable]).toEqual([code, retryable]);
  });

  it("of x-should-retry wins over the table, both ways", async () => {
    const yes = await chatError(() => failure(400, {}, { "x-should-retry": "true" }));
    const no = await chatError(() => failure(500, {}, { "x-should-retry": "false" }));
    expect([yes.retryable, no.retryable]).toEqual([true, false]);
  });
});

describe("retry-after", () => {
  it("is carried by the error, also when it is longer than the minute the SDK would wait", async () => {
    const error = await chatError(() => failure(429, {}, { "retry-after": "3600" }));
    expect(error.retryAfterMs).toBe(3_600_000);
  });

  it("is null when the provider does not say", async () => {
    expect((await chatError(() => failure(429))).retryAfterMs).toBeNull();
  });

  const now = Date.parse("2026-01-01T00:00:00Z");
  it.each([
    [{ "retry-after": "2" }, 2000],
    [{ "retry-after": "0.5" }, 500],
    [{ "retry-after": "0" }, 0],
    [{ "retry-after-ms": "1500" }, 1500],
    [{ "retry-after-ms": "1500", "retry-after": "9" }, 1500],
    [{ "retry-after-ms": "soon", "retry-after": "9" }, 9000],
    [{ "retry-after": "Thu, 01 Jan 2026 00:02:00 GMT" }, 120_000],
    [{ "retry-after": "Wed, 31 Dec 2025 00:00:00 GMT" }, 0],
    [{ "retry-after": "-5" }, 0],
    [{ "retry-after": "soon" }, undefined],
    [{}, undefined],
  ])("%o is %s ms", (headers, ms) => {
    expect(parseRetryAfter(new Headers(headers), now)).toBe(ms);
  });
});

describe("the words of an error", () => {
  it("hold the provider, its status and its own message, cut short", async () => {
    const error = await chatError(() => failure(400, { message: `bad ${"x".repeat(5000)}`, code: "nope" }));
    expect(error.message).toContain("acme answered 400 (nope): bad xxx");
    expect(error.message.length).toBeLessThan(450);
  });

  it.each(["sk-proj-abcdefghijklmnop", "sk-acme*********cret", "gsk_abcdefghijklmnop1234"])(
    "never hold the key %s",
    async (key) => {
      const error = await chatError(() =>
        failure(401, { message: `Incorrect API key provided: ${key}. Check it.` }),
      );
      expect(error.message).not.toContain(key);
      expect(error.message).toContain("Incorrect API key provided");
    },
  );

  it("replace an HTML page of a proxy", async () => {
    const page = new Response("<!DOCTYPE html><html><body>524</body></html>", { status: 524 });
    const error = await chatError(() => page);
    expect([error.code, error.message]).toEqual([
      "provider_error",
      expect.stringContaining("(an HTML page)"),
    ]);
  });

  it("take plain strings as errors, as Ollama sends them", async () => {
    const error = await chatError(() => Response.json({ error: 'model "x" not found' }, { status: 404 }));
    expect(error.message).toContain("not found");
  });
});

describe("without a status", () => {
  it("a connection that cannot be made is provider_unreachable, and used nothing", async () => {
    const { llm, usages } = withProvider(() => Promise.reject(new TypeError("fetch failed")));
    const error = await errorOf(llm.chat(hello));
    expect([error.code, error.retryable]).toEqual(["provider_unreachable", true]);
    expect(usages).toMatchObject([{ input_tokens: 0, cost_usd: 0 }]);
  });

  it("a connection that times out is provider_timeout, and the provider may have read the prompt", async () => {
    const { llm, usages } = withProvider(() =>
      Promise.reject(new TypeError("Connect Timeout Error: timed out")),
    );
    const error = await errorOf(llm.chat(hello));
    expect([error.code, error.retryable]).toEqual(["provider_timeout", true]);
    expect(usages).toMatchObject([{ input_tokens: 6, estimated: true }]);
  });

  it("an event that is not JSON is provider_error, and none of it is quoted", async () => {
    const error = await chatError(() => eventStream([textChunk("a"), '{"secret answer']));
    expect(error.code).toBe("provider_error");
    expect(error.message).not.toContain("secret");
  });

  it("an error event in mid-stream is stream_cut", async () => {
    const event = { error: { message: "overloaded", type: "server_error" } };
    const error = await chatError(() => eventStream([textChunk("a"), event]));
    expect([error.code, error.retryable]).toEqual(["stream_cut", true]);
    expect(error.message).toContain("acme said: overloaded");
  });

  it("an error event that names its meaning keeps it", async () => {
    const error = await chatError(() =>
      eventStream([{ error: { message: "no", code: "insufficient_quota" } }]),
    );
    expect([error.code, error.retryable]).toEqual(["provider_quota", false]);
  });

  it("a connection lost in mid-stream is stream_cut", async () => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(textChunk("half"))}\n\n`));
      },
      pull: (controller) => controller.error(new TypeError("terminated")),
    });
    const error = await chatError(() => new Response(body));
    expect([error.code, error.retryable]).toEqual(["stream_cut", true]);
  });

  it("a secret that is not set is named, and no call is made", async () => {
    const { llm, sent, usages } = withProvider(() => failure(500), { secret: () => undefined });
    const error = await errorOf(llm.chat(hello));
    expect([error.code, error.message]).toEqual([
      "provider_key_missing",
      expect.stringContaining("ACME_KEY"),
    ]);
    expect([sent.length, usages.length]).toEqual([0, 0]);
  });
});

describe("an aborted run", () => {
  it("throws the AppError it was aborted with, before any call", async () => {
    const reason = new AppError("timeout");
    const { llm, sent } = withProvider(() => failure(500), { signal: AbortSignal.abort(reason) });
    expect(await errorOf(llm.chat(hello))).toBe(reason);
    expect(sent).toHaveLength(0);
  });

  it("throws that reason also when the provider failed in the same moment", async () => {
    const controller = new AbortController();
    const reason = new AppError("cancelled");
    const { llm } = withProvider(
      () => {
        controller.abort(reason);
        return failure(500);
      },
      { signal: controller.signal },
    );
    expect(await errorOf(llm.chat(hello))).toBe(reason);
  });

  it("is cancelled when the reason is not one of ours", async () => {
    const { llm } = withProvider(() => failure(500), { signal: AbortSignal.abort(), providers: [acme] });
    expect((await errorOf(llm.chat(hello))).code).toBe("cancelled");
  });
});

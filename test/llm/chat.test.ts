// One chat call: what is sent, what comes back, and what it is said to have used.

import { describe, expect, it } from "vitest";
import { AppError } from "../../src/core/errors";
import type { Provider } from "../../src/llm/providers";
import { acme, eventStream, hello, textChunk, usageChunk, withProvider } from "./fake-provider";

const usage = {
  prompt_tokens: 100,
  completion_tokens: 20,
  prompt_tokens_details: { cached_tokens: 40 },
  completion_tokens_details: { reasoning_tokens: 5 },
};

const complete = () =>
  eventStream([textChunk("Hi "), textChunk("you"), textChunk("", "stop"), usageChunk(usage), "[DONE]"]);

describe("a streamed answer", () => {
  it("is gathered, handed on piece by piece, and priced by the provider's own count", async () => {
    const { llm, usages } = withProvider(complete);
    const pieces: string[] = [];
    const result = await llm.chat({ ...hello, onText: (text) => pieces.push(text) });
    const expected = {
      input_tokens: 100,
      output_tokens: 20,
      cached_tokens: 40,
      reasoning_tokens: 5,
      cost_usd: (60 * 1 + 40 * 0.5 + 20 * 10) / 1e6,
    };
    const nothingElse = { reasoning: "", tool_calls: [] };
    expect(result).toEqual({ text: "Hi you", ...nothingElse, finish_reason: "stop", usage: expected });
    expect(pieces).toEqual(["Hi ", "you"]);
    expect(usages).toEqual([expected]);
  });

  it("has no cost when the model has no price", async () => {
    const { llm } = withProvider(complete);
    const { usage } = await llm.chat({ ...hello, model: "acme/unpriced" });
    expect([usage.cost_usd, usage.input_tokens]).toEqual([null, 100]);
  });

  it("is estimated when the provider sends no usage", async () => {
    const { llm, usages } = withProvider(() =>
      eventStream([textChunk("four"), textChunk("", "stop"), "[DONE]"]),
    );
    const { usage } = await llm.chat(hello);
    expect(usage).toMatchObject({ input_tokens: 6, output_tokens: 1, estimated: true });
    expect(usages).toEqual([usage]);
  });

  it("needs no [DONE], and survives events without choices or delta", async () => {
    const { llm } = withProvider(() =>
      eventStream([{}, { choices: [] }, { choices: [{ index: 0 }] }, textChunk("ok", "stop")]),
    );
    expect((await llm.chat(hello)).text).toBe("ok");
  });

  it("keeps a finish_reason it does not know", async () => {
    const { llm } = withProvider(() => eventStream([textChunk("ok", "eos")]));
    expect((await llm.chat(hello)).finish_reason).toBe("eos");
  });
});

describe("a refusal", () => {
  it.each([
    ["content_filter as finish_reason", [textChunk("So", "content_filter")]],
    ["a refusal text", [{ choices: [{ index: 0, delta: { refusal: "No." }, finish_reason: "stop" }] }]],
  ])("(%s) is content_refused, and its usage still counts", async (_, events) => {
    const { llm, usages } = withProvider(() => eventStream([...events, usageChunk(usage)]));
    await expect(llm.chat(hello)).rejects.toMatchObject({ code: "content_refused", retryable: false });
    expect(usages).toMatchObject([{ input_tokens: 100, output_tokens: 20 }]);
  });
});

describe("a stream that breaks", () => {
  it("before its finish_reason is stream_cut, with an estimate of what was used", async () => {
    const { llm, usages } = withProvider(() => eventStream([textChunk("twelve chars")]));
    await expect(llm.chat(hello)).rejects.toMatchObject({ code: "stream_cut", retryable: true });
    expect(usages).toEqual([
      {
        input_tokens: 6,
        output_tokens: 3,
        cached_tokens: 0,
        reasoning_tokens: 0,
        cost_usd: (6 + 30) / 1e6,
        estimated: true,
      },
    ]);
  });

  it("after the provider counted keeps the provider's count", async () => {
    const { llm, usages } = withProvider(() => eventStream([{ ...textChunk("half"), usage }]));
    await expect(llm.chat(hello)).rejects.toMatchObject({ code: "stream_cut" });
    expect(usages).toMatchObject([{ input_tokens: 100, output_tokens: 20 }]);
    expect(usages[0]).not.toHaveProperty("estimated");
  });

  it("because the run was aborted throws the reason and reports usage once", async () => {
    const controller = new AbortController();
    const reason = new AppError("cancelled");
    const { llm, usages } = withProvider(
      (_, init) => eventStream([textChunk("some text")], { signal: init.signal, hang: true }),
      { signal: controller.signal },
    );
    const chat = llm.chat({ ...hello, onText: () => controller.abort(reason) });
    await expect(chat).rejects.toBe(reason);
    expect(usages).toMatchObject([{ input_tokens: 6, output_tokens: 3, estimated: true }]);
  });

  it("before its headers, by an abort, is counted as if the prompt had been read", async () => {
    const controller = new AbortController();
    const { llm, usages } = withProvider(
      (_, init) =>
        new Promise((_resolve, reject) => {
          init.signal?.addEventListener("abort", () => reject(init.signal?.reason));
          controller.abort(new AppError("timeout"));
        }),
      { signal: controller.signal },
    );
    await expect(llm.chat(hello)).rejects.toMatchObject({ code: "timeout" });
    expect(usages).toMatchObject([{ input_tokens: 6, output_tokens: 0, estimated: true }]);
  });
});

describe("the request", () => {
  it("is streamed with usage, and names job and attempt in its headers", async () => {
    const { llm, sent } = withProvider(complete, { job: { id: "job_9", attempt: 3 } });
    await llm.chat({ ...hello, temperature: 0.5, seed: 7 });
    expect(sent[0]?.url).toBe("https://acme.test/v1/chat/completions");
    expect(sent[0]?.body).toEqual({
      model: "chat",
      messages: hello.messages,
      temperature: 0.5,
      seed: 7,
      stream: true,
      stream_options: { include_usage: true },
    });
    const { headers } = sent[0] ?? {};
    expect(headers?.get("x-errand-job")).toBe("job_9");
    expect(headers?.get("x-errand-attempt")).toBe("3");
    expect(headers?.get("authorization")).toBe("Bearer sk-acme-secret");
  });

  it("hands tools and what has been called before on as they are", async () => {
    const { llm, sent } = withProvider(complete);
    const tools = [{ type: "function" as const, function: { name: "brew", parameters: { type: "object" } } }];
    const call = { id: "a", type: "function" as const, function: { name: "brew", arguments: "{}" } };
    const messages = [
      ...hello.messages,
      { role: "assistant" as const, content: null, tool_calls: [call] },
      { role: "tool" as const, tool_call_id: "a", content: "Done." },
    ];
    const settings = { tools, tool_choice: "auto" as const, parallel_tool_calls: false };
    await llm.chat({ ...hello, messages, ...settings });
    expect(sent[0]?.body).toMatchObject({ messages, ...settings });
  });

  it("takes provider_options last, but keeps its model and its stream", async () => {
    const { llm, sent } = withProvider(complete);
    const provider_options = { temperature: 1, top_k: 5, model: "dearer", stream: false };
    await llm.chat({ ...hello, temperature: 0, provider_options });
    expect(sent[0]?.body).toMatchObject({ temperature: 1, top_k: 5, model: "chat", stream: true });
  });

  it("carries metadata only when there is some", async () => {
    const { llm, sent } = withProvider(complete);
    await llm.chat(hello);
    await llm.chat({ ...hello, metadata: { team: "a" } });
    expect(sent[0]?.body).not.toHaveProperty("metadata");
    expect(sent[1]?.body).toMatchObject({ metadata: { team: "a" } });
  });

  it("sends no Authorization to a provider without a key, whatever the environment holds", async () => {
    process.env.OPENAI_API_KEY = "sk-of-someone-else";
    process.env.OPENAI_ORG_ID = "org-of-someone-else";
    const local: Provider = { name: "local", base_url: "http://localhost:11434/v1", models: [] };
    const { llm, sent } = withProvider(complete, { providers: [local] });
    await llm.chat({ ...hello, model: "local/llama" });
    delete process.env.OPENAI_API_KEY;
    delete process.env.OPENAI_ORG_ID;
    expect(sent[0]?.headers.has("authorization")).toBe(false);
    expect(sent[0]?.headers.has("openai-organization")).toBe(false);
  });

  it.each([
    ["https://api.openai.com/v1", "max_completion_tokens"],
    ["https://eu.api.openai.com/v1", "max_completion_tokens"],
    ["https://mine.openai.azure.com/openai/v1", "max_completion_tokens"],
    ["https://api.groq.com/openai/v1", "max_tokens"],
    ["http://localhost:11434/v1", "max_tokens"],
    ["https://notapi.openai.com.evil.test/v1", "max_tokens"],
  ])("to %s limits the answer by %s alone", async (baseUrl, field) => {
    const { llm, sent } = withProvider(complete, { providers: [{ ...acme, base_url: baseUrl }] });
    await llm.chat({ ...hello, max_output_tokens: 9 });
    const limits = Object.entries(sent[0]?.body ?? {}).filter(([name]) => name.startsWith("max_"));
    expect(limits).toEqual([[field, 9]]);
  });
});

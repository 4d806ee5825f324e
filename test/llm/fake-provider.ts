// A provider at the outer edge: a hand-written fetch, and an Llm that calls it through the real SDK.

import type { Usage } from "../../src/core/usage";
import { createLlm, type LlmDeps } from "../../src/llm/create-llm";
import type { Fetch } from "../../src/llm/fetch";
import { createHeaderSlots } from "../../src/llm/header-slots";
import type { Llm } from "../../src/llm/llm";
import { createCatalogue } from "../../src/llm/models";
import type { Provider } from "../../src/llm/providers";

export const acme: Provider = {
  name: "acme",
  base_url: "https://acme.test/v1",
  key: "ACME_KEY",
  models: [
    { name: "chat", kind: "chat", price: { input: 1, cached_input: 0.5, output: 10 } },
    { name: "unpriced", kind: "chat" },
    { name: "limited", kind: "chat", rpm: 120, concurrency: 3, price: { input: 1, output: 10 } },
    { name: "vectors", kind: "embedding", max_inputs: 2, price: { input: 1 } },
  ],
};

export type Harness = { llm: Llm; usages: Usage[]; sent: { url: string; headers: Headers; body: unknown }[] };

/** `answer` is called once per provider call, with its number from 1. */
export function withProvider(
  answer: (call: number, init: RequestInit) => Response | Promise<Response>,
  deps: Partial<LlmDeps> & { providers?: Provider[] } = {},
): Harness {
  const usages: Usage[] = [];
  const sent: Harness["sent"] = [];
  const fetch: Fetch = async (url, init = {}) => {
    sent.push({ url: String(url), headers: new Headers(init.headers), body: JSON.parse(String(init.body)) });
    return answer(sent.length, init);
  };
  const llm = createLlm({
    catalogue: createCatalogue({
      providers: deps.providers ?? [acme],
      aliases: {},
      defaultModel: null,
      sandbox: true,
    }),
    secret: () => "sk-acme-secret",
    key: null,
    headerSlots: createHeaderSlots(),
    job: { id: "job_1", attempt: 1 },
    signal: new AbortController().signal,
    onUsage: (usage) => usages.push(usage),
    onSend: () => undefined,
    onHeaders: () => undefined,
    beforeCall: () => Promise.resolve(),
    fetch,
    ...deps,
  });
  return { llm, usages, sent };
}

export type Chunk = Record<string, unknown>;

export function textChunk(content: string, finishReason: string | null = null): Chunk {
  return { choices: [{ index: 0, delta: { content }, finish_reason: finishReason }] };
}

export function usageChunk(usage: Record<string, unknown>): Chunk {
  return { choices: [], usage };
}

/** Ends after the last event, with or without `[DONE]`. `hang`: stays open until the request is aborted. */
export function eventStream(events: (Chunk | string)[], init?: RequestInit & { hang?: boolean }): Response {
  const encoder = new TextEncoder();
  const text = events.map(
    (event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`,
  );
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const line of text) controller.enqueue(encoder.encode(line));
      if (!init?.hang) return controller.close();
      init.signal?.addEventListener("abort", () => controller.error(init.signal?.reason));
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

export function failure(
  status: number,
  error: Record<string, unknown> = {},
  headers: HeadersInit = {},
): Response {
  return Response.json({ error: { message: "no", ...error } }, { status, headers });
}

export const hello = {
  model: "acme/chat",
  messages: [{ role: "user" as const, content: "Hello there, provider" }],
};

/** A job for it, as the store takes one. */
export const acmeChat = { model: "acme/chat", input: '{"prompt":"Tea in Lisbon","model":"acme/chat"}' };

/** An answer of 100 tokens in and 10 out. */
export const answer = () =>
  eventStream([
    textChunk("Hello "),
    textChunk("there", "stop"),
    usageChunk({ prompt_tokens: 100, completion_tokens: 10 }),
    "[DONE]",
  ]);

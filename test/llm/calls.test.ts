// What a call to a provider is made with, and what it tells on its way.

import { describe, expect, it } from "vitest";
import { AppError } from "../../src/core/errors";
import type { Announced } from "../../src/core/gate/report";
import { acme, answer, failure, hello, withProvider } from "./fake-provider";

const several = [{ ...acme, key: ["K1", "K2"] }];
const secret = (name: string) => (name === "K3" ? undefined : `sk-${name}`);

describe("a provider with several keys", () => {
  it.each([
    [null, "sk-K1"],
    ["K1", "sk-K1"],
    ["K2", "sk-K2"],
    // A key of another provider, or one that was taken out of PROVIDERS.
    ["K9", "sk-K1"],
  ])("is called with the one that the job names: %s", async (key, sent) => {
    const provider = withProvider(() => answer(), { providers: several, secret, key });
    await provider.llm.chat(hello);
    expect(provider.sent[0]?.headers.get("authorization")).toBe(`Bearer ${sent}`);
  });

  it("says which of its secrets is not set", async () => {
    const providers = [{ ...acme, key: ["K1", "K3"] }];
    const { llm } = withProvider(() => answer(), { providers, secret, key: "K3" });
    await expect(llm.chat(hello)).rejects.toMatchObject({
      code: "provider_key_missing",
      message: expect.stringContaining("K3"),
    });
  });
});

describe("the headers of a response", () => {
  const limits = { "x-ratelimit-limit-requests": "500", "x-ratelimit-remaining-requests": "0" };

  function listening(reply: () => Response) {
    const heard: (Announced | null)[] = [];
    const { llm } = withProvider(reply, { onHeaders: (announced) => heard.push(announced) });
    return { llm, heard };
  }

  it("are told when they arrive, of an answer", async () => {
    const { llm, heard } = listening(() => {
      const response = answer();
      for (const [name, value] of Object.entries(limits)) response.headers.set(name, value);
      return response;
    });
    await llm.chat(hello);
    expect(heard).toMatchObject([{ requests: { limit: 500, remaining: 0 }, tokens: null }]);
  });

  it.each([429, 500])("are told of a %i too", async (status) => {
    const { llm, heard } = listening(() => failure(status, {}, limits));
    await expect(llm.chat(hello)).rejects.toBeInstanceOf(AppError);
    expect(heard).toMatchObject([{ requests: { limit: 500, remaining: 0 } }]);
  });

  it("are null when they say nothing of limits", async () => {
    const { llm, heard } = listening(() => answer());
    await llm.chat(hello);
    expect(heard).toEqual([null]);
  });
});

describe("a further call of a run", () => {
  const wait = (retryAfterMs: number) => new AppError("gate_wait", { retryAfterMs });
  const vectors = (_: number, init: RequestInit) => {
    const { input }: { input: string[] } = JSON.parse(String(init.body));
    const data = input.map((_text, index) => ({ index, embedding: [index] }));
    return Response.json({ data, usage: { prompt_tokens: 1 } });
  };

  it("waits for its turn, and the first does not", async () => {
    const asked: unknown[] = [];
    const { llm, sent } = withProvider(() => answer(), {
      beforeCall: async (size) => void asked.push([size, sent.length]),
    });
    await llm.chat(hello);
    expect(asked).toEqual([]);
    await llm.chat({ ...hello, max_output_tokens: 7 });
    await llm.chat(hello);
    const chars = "Hello there, provider".length;
    expect(asked).toEqual([
      [{ inputChars: chars, maxOutputTokens: 7 }, 1],
      [{ inputChars: chars, maxOutputTokens: null }, 2],
    ]);
  });

  it("of a chat is not made when its turn is far away", async () => {
    const { llm, sent, usages } = withProvider(() => answer(), { beforeCall: () => Promise.reject(wait(1)) });
    await llm.chat(hello);
    await expect(llm.chat(hello)).rejects.toMatchObject({ code: "gate_wait" });
    expect([sent.length, usages.length]).toEqual([1, 1]);
  });

  it("of embeddings waits however long, so that no vectors are paid for twice", async () => {
    let refusals = 3;
    const sizes: unknown[] = [];
    const { llm, sent } = withProvider(vectors, {
      beforeCall: async (size) => {
        sizes.push(size);
        if (refusals-- > 0) throw wait(1);
      },
    });
    const { vectors: got } = await llm.embed({ model: "acme/vectors", inputs: ["one", "two", "three"] });
    expect(got).toHaveLength(3);
    expect(sent).toHaveLength(2);
    expect(sizes).toEqual(Array(4).fill({ inputChars: "three".length, maxOutputTokens: 0 }));
  });

  it("of embeddings ends its waiting when the run is aborted", async () => {
    const controller = new AbortController();
    const { llm, sent } = withProvider(vectors, {
      signal: controller.signal,
      beforeCall: async () => {
        queueMicrotask(() => controller.abort(new AppError("timeout")));
        throw wait(3_600_000);
      },
    });
    const embedded = llm.embed({ model: "acme/vectors", inputs: ["one", "two", "three"] });
    await expect(embedded).rejects.toMatchObject({ code: "timeout" });
    expect(sent).toHaveLength(1);
  });
});

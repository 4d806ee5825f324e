// From the name in a request to a model.

import { describe, expect, it } from "vitest";
import { type CatalogueOptions, createCatalogue } from "../../src/llm/models";
import type { Provider } from "../../src/llm/providers";

const openai: Provider = {
  name: "openai",
  base_url: "https://api.openai.com/v1",
  key: "OPENAI_API_KEY",
  models: [
    {
      name: "gpt-5-mini",
      kind: "chat",
      rpm: 500,
      context_tokens: 400_000,
      price: { input: 0.25, output: 2 },
    },
    { name: "gpt-5", kind: "chat" },
    { name: "text-embedding-3-small", kind: "embedding", max_inputs: 10 },
  ],
};
const ollama: Provider = { name: "ollama", base_url: "http://localhost:11434/v1", models: [] };

function catalogue(options: Partial<CatalogueOptions> = {}) {
  const aliases = { fast: "openai/gpt-5-mini", local: "ollama/hf.co/llama:8b", broken: "openai/gone" };
  return createCatalogue({
    providers: [openai, ollama],
    aliases,
    defaultModel: null,
    sandbox: false,
    ...options,
  });
}

describe("a name", () => {
  it.each([
    ["openai/gpt-5", "chat", "openai/gpt-5"],
    ["fast", "chat", "openai/gpt-5-mini"],
    ["ollama/llama3", "chat", "ollama/llama3"],
    ["ollama/nomic", "embedding", "ollama/nomic"],
    ["ollama/hf.co/llama:8b", "chat", "ollama/hf.co/llama:8b"],
    ["local", "chat", "ollama/hf.co/llama:8b"],
    [undefined, "chat", "openai/gpt-5-mini"],
    [undefined, "embedding", "openai/text-embedding-3-small"],
  ] as const)("%s for %s is %s", (name, kind, model) => {
    expect(catalogue().resolve(name, kind)).toMatchObject({ model, kind });
  });

  it.each([
    ["gpt-5"],
    ["openai/gone"],
    ["nobody/gpt-5"],
    ["broken"],
    ["openai/"],
    ["/gpt-5"],
    [""],
    ["sandbox/chat"],
  ])("%j is an unknown model, and the known ones are named", (name) => {
    expect(() => catalogue().resolve(name, "chat")).toThrow(
      expect.objectContaining({
        code: "unknown_model",
        param: "input.model",
        message: expect.stringMatching(/openai\/gpt-5-mini.*ollama\/\*.*fast.*PROVIDERS/),
      }),
    );
  });

  it("of the wrong kind says which kind it is", () => {
    const resolve = () => catalogue().resolve("openai/text-embedding-3-small", "chat");
    expect(resolve).toThrow(/is an embedding model; task generate needs a chat model/);
  });

  it("among very many: no more than twenty are listed", () => {
    const models = Array.from({ length: 60 }, (_, i) => ({ name: `m${i}`, kind: "chat" as const }));
    const resolve = () =>
      catalogue({ providers: [{ ...openai, models }], aliases: {} }).resolve("x/y", "chat");
    expect(resolve).toThrow(/openai\/m19, and 40 more/);
  });
});

describe("the default", () => {
  it.each([
    ["openai/gpt-5", "chat", "openai/gpt-5"],
    ["fast", "chat", "openai/gpt-5-mini"],
    ["ollama/llama3", "chat", "ollama/llama3"],
    ["ollama/llama3", "embedding", "openai/text-embedding-3-small"],
    ["openai/gpt-5", "embedding", "openai/text-embedding-3-small"],
    ["openai/text-embedding-3-small", "chat", "openai/gpt-5-mini"],
  ] as const)("DEFAULT_MODEL=%s for %s is %s", (defaultModel, kind, model) => {
    expect(catalogue({ defaultModel }).resolve(undefined, kind).model).toBe(model);
  });

  it("that does not exist is blamed on DEFAULT_MODEL", () => {
    const resolve = () => catalogue({ defaultModel: "openai/gone" }).resolve(undefined, "chat");
    expect(resolve).toThrow(expect.objectContaining({ code: "unknown_model", param: "DEFAULT_MODEL" }));
  });

  it("is the sandbox's only when nothing else is listed", () => {
    expect(catalogue({ sandbox: true }).resolve(undefined, "chat").model).toBe("openai/gpt-5-mini");
    const alone = catalogue({ providers: [], sandbox: true });
    expect(alone.resolve(undefined, "chat").model).toBe("sandbox/chat");
    expect(alone.resolve(undefined, "embedding").model).toBe("sandbox/embedding");
  });

  it("is missing when no provider is configured, also for a name", () => {
    const empty = catalogue({ providers: [] });
    const missing = expect.objectContaining({ code: "no_model_configured" });
    expect(() => empty.resolve(undefined, "chat")).toThrow(missing);
    expect(() => empty.resolve("openai/gpt-5", "chat")).toThrow(missing);
  });

  it("is missing when no model of that kind is listed", () => {
    const resolve = () => catalogue({ providers: [ollama] }).resolve(undefined, "embedding");
    expect(resolve).toThrow(/No embedding model is listed/);
  });
});

describe("an alias of several models", () => {
  const list = (...models: string[]) => models.map((model, i) => ({ model, weight: i === 0 ? 3 : null }));
  const all = (targets: ReturnType<typeof list>, kind: "chat" | "embedding" = "chat") =>
    catalogue({ aliases: { smart: targets } }).resolveAll("smart", kind);

  it("stands for all of them, in their order and with their weights", () => {
    const found = all(list("openai/gpt-5", "ollama/llama3", "openai/gpt-5-mini"));
    expect(found.map(({ model, weight }) => [model.model, weight])).toEqual([
      ["openai/gpt-5", 3],
      ["ollama/llama3", null],
      ["openai/gpt-5-mini", null],
    ]);
  });

  it("is its first one where a single model is asked for", () => {
    const aliases = { smart: list("openai/gpt-5", "ollama/llama3") };
    expect(catalogue({ aliases }).resolve("smart", "chat").model).toBe("openai/gpt-5");
  });

  it("can be the default", () => {
    const options = { aliases: { smart: list("openai/gpt-5", "ollama/llama3") }, defaultModel: "smart" };
    const found = catalogue(options).resolveAll(undefined, "chat");
    expect(found.map(({ model }) => model.model)).toEqual(["openai/gpt-5", "ollama/llama3"]);
  });

  it("of mixed kinds fits no task, and is named", () => {
    expect(() => all(list("openai/gpt-5", "openai/text-embedding-3-small"))).toThrow(
      'The alias "smart" leads to "openai/text-embedding-3-small", an embedding model; task generate needs a chat model.',
    );
  });

  it("names the one that does not exist, and itself", () => {
    expect(() => all(list("openai/gpt-5", "openai/gone"))).toThrow(
      /There is no model "openai\/gone", to which the alias "smart" leads\./,
    );
  });
});

describe("a model", () => {
  it("carries its limits and price, and null for what is not set", () => {
    expect(catalogue().resolve("fast", "chat")).toEqual({
      model: "openai/gpt-5-mini",
      keys: ["OPENAI_API_KEY"],
      provider: "openai",
      name: "gpt-5-mini",
      kind: "chat",
      price: { input: 0.25, output: 2 },
      pool: "openai/gpt-5-mini",
      limits: { rpm: 500, tpm: null, rpd: null, tpd: null, concurrency: null },
      adaptive: false,
      contextTokens: 400_000,
      maxInputs: 2048,
      maxTokensPerCall: 300_000,
    });
  });

  it("of the sandbox keeps the options in its name, and costs nothing", () => {
    const model = catalogue({ sandbox: true }).resolve("sandbox/chat!tps=50,ttft_ms=3", "chat");
    expect(model).toMatchObject({
      model: "sandbox/chat!tps=50,ttft_ms=3",
      name: "chat!tps=50,ttft_ms=3",
      pool: "sandbox/chat",
      price: { input: 0, output: 0 },
    });
  });

  it("that is not listed has no price", () => {
    expect(catalogue().resolve("ollama/llama3", "chat").price).toBeNull();
  });
});

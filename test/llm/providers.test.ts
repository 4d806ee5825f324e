// The PROVIDERS variable.

import { describe, expect, it } from "vitest";
import { keyNames, parseProviders } from "../../src/llm/providers";

const problemsOf = (value: unknown) => {
  const parsed = parseProviders(typeof value === "string" ? value : JSON.stringify(value));
  return parsed.ok ? [] : parsed.problems;
};

const provider = (fields: Record<string, unknown> = {}) => ({
  name: "a",
  base_url: "https://a.test/v1",
  ...fields,
});
const model = (fields: Record<string, unknown> = {}) => ({ name: "m", kind: "chat", ...fields });

describe("PROVIDERS", () => {
  it("takes the documented example", () => {
    const example = [
      {
        name: "openai",
        base_url: "https://api.openai.com/v1",
        key: "OPENAI_API_KEY",
        models: [
          {
            name: "gpt-5-mini",
            kind: "chat",
            rpm: 500,
            tpm: 200000,
            concurrency: 50,
            context_tokens: 400000,
            price: { input: 0.25, cached_input: 0.025, output: 2.0 },
          },
          {
            name: "text-embedding-3-small",
            kind: "embedding",
            max_inputs: 2048,
            max_tokens_per_call: 300000,
          },
        ],
      },
    ];
    expect(parseProviders(JSON.stringify(example))).toEqual({ ok: true, value: example });
  });

  it("takes a provider without key and models, and an empty list", () => {
    const local = { name: "ollama", base_url: "http://localhost:11434/v1" };
    expect(parseProviders(JSON.stringify([local]))).toEqual({ ok: true, value: [{ ...local, models: [] }] });
    expect(parseProviders("[]")).toEqual({ ok: true, value: [] });
  });

  it("takes several keys for a provider", () => {
    const key = ["OPENAI_API_KEY", "OPENAI_API_KEY_2"];
    const parsed = parseProviders(JSON.stringify([provider({ key }), provider({ name: "b", key: "B" })]));
    expect(parsed.ok && parsed.value.map(keyNames)).toEqual([key, ["B"]]);
    expect(parseProviders(JSON.stringify([provider({ key })]))).toMatchObject({ value: [{ key }] });
  });

  it.each([[[]], [["A", "A"]], [""], [["A", ""]], [5], ["A#B"], ["A B"], [null]])(
    "refuses the key %j",
    (key) => {
      expect(problemsOf([provider({ key })])).toEqual([
        expect.stringMatching(/^PROVIDERS\[0\]\.key: expected the name of a secret, or a list/),
      ]);
    },
  );

  it("names every problem at once, each with its path", () => {
    const broken = [
      provider({ name: "Upper", extra: 1 }),
      provider({
        base_url: "ftp://a.test",
        models: [model({ rpm: "5" }), model({ price: { input: "0.25" } }), { name: "x" }],
      }),
      provider({ name: "sandbox" }),
      provider(),
    ];
    expect(problemsOf(broken).sort()).toEqual([
      "PROVIDERS[0].extra: unknown field",
      "PROVIDERS[0].name: expected lowercase letters, digits and hyphens",
      "PROVIDERS[1].base_url: expected an http or https URL",
      "PROVIDERS[1].models[0].rpm: expected number, got string",
      'PROVIDERS[1].models[1].name: "m" is used twice',
      "PROVIDERS[1].models[1].price.input: expected number, got string",
      'PROVIDERS[1].models[2].kind: expected "chat" or "embedding"',
      'PROVIDERS[2].name: "sandbox" is taken by the built-in provider',
      'PROVIDERS[3].name: "a" is used twice',
    ]);
  });

  it.each([
    ["not JSON", "[{", "PROVIDERS: not valid JSON"],
    ["not a list", {}, "PROVIDERS: expected array, got object"],
    ["a missing field", [{ name: "a" }], "PROVIDERS[0].base_url: expected an http or https URL"],
    [
      "a missing name",
      [{ base_url: "https://a.test" }],
      "PROVIDERS[0].name: expected string, but it is missing",
    ],
    [
      "a model that is a string",
      [provider({ models: ["m"] })],
      "PROVIDERS[0].models[0]: expected object, got string",
    ],
    [
      "an embedding field on a chat model",
      [provider({ models: [model({ max_inputs: 5 })] })],
      "PROVIDERS[0].models[0].max_inputs: unknown field",
    ],
  ])("refuses %s", (_, value, problem) => {
    expect(problemsOf(value)).toEqual([problem]);
  });

  it.each([
    model({ rpm: 0 }),
    model({ tpm: 1.5 }),
    model({ price: { input: -1 } }),
    model({ price: {} }),
    model({ name: "two words" }),
    model({ name: "" }),
    model({ context_tokens: null }),
  ])("refuses the model %o", (bad) => {
    expect(problemsOf([provider({ models: [bad] })])).toHaveLength(1);
  });
});

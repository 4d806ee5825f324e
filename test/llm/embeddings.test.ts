// Embeddings of many texts, over several provider calls.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitInputs } from "../../src/llm/embeddings";
import { failure, withProvider } from "./fake-provider";

type Body = { input: string[] };

/** A vector that holds the text's number, so that order can be seen. */
function vectorsFor(init: RequestInit, extra: Record<string, unknown> = {}): Response {
  const { input }: Body = JSON.parse(String(init.body));
  const data = input.map((text, index) => ({ object: "embedding", index, embedding: [Number(text)] }));
  return Response.json({ object: "list", data, ...extra });
}

describe("splitting", () => {
  it("keeps order, loses and repeats nothing, and stays within both limits", () => {
    const texts = fc.array(fc.string({ minLength: 1, maxLength: 60, unit: "grapheme" }), { maxLength: 80 });
    fc.assert(
      fc.property(
        texts,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 50 }),
        (inputs, most, tokens) => {
          const slices = splitInputs(inputs, { maxInputs: most, maxTokensPerCall: tokens });
          expect(slices.flat()).toEqual(inputs);
          for (const slice of slices) {
            expect(slice.length).toBeGreaterThan(0);
            expect(slice.length).toBeLessThanOrEqual(most);
            const bytes = new TextEncoder().encode(slice.join("")).length;
            expect(slice.length === 1 || bytes / 3 <= tokens).toBe(true);
          }
        },
      ),
    );
  });

  it("makes no more calls than it must", () => {
    const inputs = Array.from({ length: 5 }, () => "abc");
    expect(splitInputs(inputs, { maxInputs: 2, maxTokensPerCall: 100 }).map((s) => s.length)).toEqual([
      2, 2, 1,
    ]);
    expect(splitInputs(inputs, { maxInputs: 100, maxTokensPerCall: 3 }).map((s) => s.length)).toEqual([3, 2]);
    expect(splitInputs(inputs, { maxInputs: 100, maxTokensPerCall: 100 })).toHaveLength(1);
  });
});

describe("embedding", () => {
  const request = { model: "acme/vectors", inputs: ["1", "2", "3", "4", "5"] };

  it("makes as many calls as needed, reports progress and usage for each, and keeps the order", async () => {
    const { llm, sent, usages } = withProvider((_, init) =>
      vectorsFor(init, { usage: { prompt_tokens: 10 } }),
    );
    const progress: number[] = [];
    const result = await llm.embed({ ...request, onProgress: (done) => progress.push(done) });
    expect(result.vectors).toEqual([[1], [2], [3], [4], [5]]);
    expect(sent.map(({ body }) => body)).toMatchObject([
      { model: "vectors", input: ["1", "2"], encoding_format: "float" },
      { input: ["3", "4"] },
      { input: ["5"] },
    ]);
    expect(progress).toEqual([2, 4, 5]);
    expect(usages).toHaveLength(3);
    expect(result.usage).toMatchObject({ input_tokens: 30, output_tokens: 0, cost_usd: 0.00003 });
  });

  it("goes by the index of a vector, not by its place", async () => {
    const { llm } = withProvider(() =>
      Response.json({
        data: [
          { index: 1, embedding: [2] },
          { index: 0, embedding: [1] },
        ],
      }),
    );
    const { vectors } = await llm.embed({ ...request, inputs: ["1", "2"] });
    expect(vectors).toEqual([[1], [2]]);
  });

  it("is estimated when the provider sends no usage", async () => {
    const { llm } = withProvider((_, init) => vectorsFor(init));
    const { usage } = await llm.embed({ ...request, inputs: ["12345678"] });
    expect(usage).toMatchObject({ input_tokens: 2, estimated: true });
  });

  it.each([
    ["too few vectors", { data: [{ index: 0, embedding: [1] }] }],
    ["too many vectors", { data: [0, 1, 2].map((index) => ({ index, embedding: [1] })) }],
    ["one vector twice", { data: [0, 0].map((index) => ({ index, embedding: [1] })) }],
    ["vectors as base64", { data: [0, 1].map((index) => ({ index, embedding: "AAAA" })) }],
    ["no data", {}],
  ])("with %s is provider_error, and still counted", async (_, body) => {
    const { llm, usages } = withProvider(() => Response.json(body));
    const embed = llm.embed({ ...request, inputs: ["1", "2"] });
    await expect(embed).rejects.toMatchObject({ code: "provider_error", retryable: true });
    expect(usages).toHaveLength(1);
  });

  it("with a body that is not JSON is provider_error", async () => {
    const { llm } = withProvider(
      () => new Response("{", { headers: { "content-type": "application/json" } }),
    );
    await expect(llm.embed(request)).rejects.toMatchObject({ code: "provider_error" });
  });

  it("stops at the first call that fails, and has counted the ones before", async () => {
    const { llm, sent, usages } = withProvider((call, init) =>
      call === 2 ? failure(429) : vectorsFor(init, { usage: { prompt_tokens: 10 } }),
    );
    await expect(llm.embed(request)).rejects.toMatchObject({ code: "provider_rate_limited" });
    expect(sent).toHaveLength(2);
    expect(usages.map((usage) => usage.input_tokens)).toEqual([10, 0]);
  });
});

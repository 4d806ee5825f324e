// The sandbox's embedding model.

import { describe, expect, it } from "vitest";
import { sandbox } from "./sandbox-harness";

describe("sandbox/embedding", () => {
  const embed = async (inputs: string[], dimensions?: number) =>
    (await sandbox().llm.embed({ model: "sandbox/embedding", inputs, dimensions })).vectors;

  it("gives vectors of length one, in the asked dimensions", async () => {
    for (const dimensions of [undefined, 1, 3, 1536]) {
      const vectors = await embed(["green tea", "?!", "一杯茶"], dimensions);
      for (const vector of vectors) {
        expect(vector).toHaveLength(dimensions ?? 256);
        expect(Math.hypot(...vector)).toBeCloseTo(1, 3);
      }
    }
  });

  it("gives a vector also where the words cancel one another out", async () => {
    const words = Array.from({ length: 50 }, (_, i) => `word${i}`);
    const lengths = (await embed(words, 1)).map((vector) => Math.hypot(...vector));
    expect(new Set(lengths)).toEqual(new Set([1]));
  });

  it("puts equal texts together, and texts that share words nearer than those that do not", async () => {
    const [a, same, near, far] = await embed([
      "green tea from lisbon",
      "green tea from lisbon",
      "green tea from porto",
      "quarterly tax report",
    ]);
    const dot = (x: number[] = [], y: number[] = []) =>
      x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
    expect(same).toEqual(a);
    expect(dot(a, near)).toBeGreaterThan(dot(a, far) + 0.3);
  });

  it("fails on request, and counts what it read", async () => {
    const { llm, usages } = sandbox();
    const request = { model: "sandbox/embedding", inputs: ["12345678"] };
    await llm.embed(request);
    await expect(llm.embed({ ...request, model: "sandbox/embedding!status=429" })).rejects.toMatchObject({
      code: "provider_rate_limited",
    });
    expect(usages.map((usage) => usage.input_tokens)).toEqual([2, 0]);
  });
});

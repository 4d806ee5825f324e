import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addUsage, costUsd, estimateTokens, NO_USAGE, type Usage } from "../../src/core/usage";

const tokens = (input_tokens: number, output_tokens: number, cached_tokens = 0) => {
  return { input_tokens, output_tokens, cached_tokens };
};

describe("costUsd", () => {
  // Prices in dollars per million tokens; a token at $1 a million costs one micro-dollar.
  it.each([
    ["nothing", tokens(0, 0), { input: 5, output: 5 }, 0],
    ["one input token", tokens(1, 0), { input: 1 }, 0.000001],
    ["a thousandth of a micro-dollar", tokens(1, 0), { input: 0.001 }, 0.000000001],
    ["input and output", tokens(1_000, 500), { input: 0.25, output: 2 }, 0.00125],
    ["input with a cached price", tokens(1_000, 0, 600), { input: 1, cached_input: 0.1 }, 0.00046],
    ["cached input without a price of its own", tokens(1_000, 0, 600), { input: 1 }, 0.001],
    ["cached input that is free", tokens(1_000, 0, 1_000), { input: 1, cached_input: 0 }, 0],
    ["output without a price", tokens(1_000, 500), { input: 1 }, 0.001],
    ["more cached tokens than input", tokens(10, 0, 20), { input: 1, cached_input: 0.5 }, 0.00001],
    ["a million of each", tokens(1_000_000, 1_000_000), { input: 0.25, output: 2 }, 2.25],
    ["a sum that floats get wrong", tokens(3, 0), { input: 0.1 }, 0.0000003],
  ])("prices %s", (_what, used, price, usd) => {
    expect(costUsd(used, price)).toBe(usd);
  });

  it("is unknown without a price", () => {
    expect(costUsd(tokens(1_000, 1_000), null)).toBeNull();
  });

  it("never gets cheaper with more tokens, nor dearer with more of them cached", () => {
    const price = { input: 2, cached_input: 0.5, output: 8 };
    fc.assert(
      fc.property(fc.nat(1e6), fc.nat(1e6), fc.nat(1e6), (input, output, share) => {
        const cached = Math.min(share, input);
        const cost = costUsd(tokens(input, output, cached), price) ?? -1;
        expect(cost).toBeGreaterThanOrEqual(0);
        expect(costUsd(tokens(input + 1, output, cached), price)).toBeGreaterThan(cost);
        expect(costUsd(tokens(input, output + 1, cached), price)).toBeGreaterThan(cost);
        expect(costUsd(tokens(input, output, 0), price)).toBeGreaterThanOrEqual(cost);
      }),
    );
  });
});

describe("addUsage", () => {
  const usage = (over: Partial<Usage> = {}): Usage => {
    return {
      input_tokens: 1,
      output_tokens: 2,
      cached_tokens: 3,
      reasoning_tokens: 4,
      cost_usd: 0.1,
      ...over,
    };
  };

  it("adds every count, and money without the drift of floats", () => {
    expect(addUsage(usage(), usage({ cost_usd: 0.2 }))).toEqual({
      ...{ input_tokens: 2, output_tokens: 4, cached_tokens: 6, reasoning_tokens: 8, cost_usd: 0.3 },
    });
  });

  it("changes nothing by adding nothing", () => {
    expect(addUsage(usage(), NO_USAGE)).toEqual(usage());
  });

  it("knows no cost when one of the two has none", () => {
    expect(addUsage(usage({ cost_usd: null }), usage()).cost_usd).toBeNull();
    expect(addUsage(usage(), usage({ cost_usd: null })).cost_usd).toBeNull();
  });

  it("stays a guess when one of the two was one", () => {
    expect(addUsage(usage({ estimated: true }), usage()).estimated).toBe(true);
    expect(addUsage(usage(), usage({ estimated: true })).estimated).toBe(true);
    expect(addUsage(usage(), usage())).not.toHaveProperty("estimated");
  });
});

describe("estimateTokens", () => {
  it.each([
    ["", 0],
    ["a", 1],
    ["abcd", 1],
    ["abcde", 2],
  ])("of %j is %i", (text, count) => {
    expect(estimateTokens(text)).toBe(count);
  });
});

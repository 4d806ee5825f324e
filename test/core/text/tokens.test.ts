import fc from "fast-check";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { describe, expect, it } from "vitest";
import { estimateTokens } from "../../../src/core/text/tokens";
import { SAMPLES } from "../../support/text-samples";

const ratio = (text: string) => estimateTokens(text) / encode(text).length;
const sample = (kind: string) => SAMPLES[kind] ?? "";

/** What the estimate is, as a multiple of what o200k_base counts. */
const RATIOS: Record<string, number> = {
  "English prose": 1.15,
  "English technical prose": 1.28,
  German: 1.24,
  French: 1.15,
  Polish: 0.87,
  Russian: 1.05,
  Chinese: 1.31,
  Japanese: 1.07,
  Korean: 1.01,
  Arabic: 1.23,
  Hindi: 1.13,
  TypeScript: 1.29,
  Python: 1.15,
  JSON: 1.26,
  "indented JSON": 1.15,
  "a table with numbers": 1,
  Markdown: 1.2,
  "chat with emoji": 1.13,
  "random identifiers": 1.06,
  base64: 0.82,
};

/** Fewer letters a token than other Latin text, and nothing that tells them apart. */
const LOW = ["Polish", "base64"];

describe("the estimate", () => {
  it.each(Object.entries(RATIOS))("of %s is %f times what a tokenizer counts", (kind, expected) => {
    expect(ratio(sample(kind))).toBeCloseTo(expected, 2);
  });

  it("is never more than 10 % below the tokenizer's count nor 60 % above it, for each kind of text", () => {
    const kinds = Object.keys(SAMPLES).filter((kind) => !LOW.includes(kind));
    expect(kinds.length).toBeGreaterThan(15);
    for (const kind of kinds) {
      expect(ratio(sample(kind)), kind).toBeGreaterThan(0.9);
      expect(ratio(sample(kind)), kind).toBeLessThan(1.6);
    }
  });

  it("is at most 20 % below it for texts that no rule of words can know", () => {
    for (const kind of LOW) expect(ratio(sample(kind)), kind).toBeGreaterThan(0.8);
  });

  it("holds for any mixture of these texts, wherever at a space it begins", () => {
    const words = fc.constantFrom(...Object.keys(RATIOS).filter((kind) => !LOW.includes(kind)));
    fc.assert(
      fc.property(fc.array(words, { minLength: 2, maxLength: 4 }), fc.nat(100), (kinds, skipped) => {
        const text = kinds.map(sample).join("\n\n");
        const cut = text.slice(text.indexOf(" ", skipped));
        expect(ratio(cut)).toBeGreaterThan(0.9);
        expect(ratio(cut)).toBeLessThan(1.6);
      }),
      { numRuns: 200 },
    );
  });

  it("of a text is never more than of the same text with something behind it", () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...Object.values(SAMPLES)));
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(estimateTokens(a + b)).toBeGreaterThanOrEqual(estimateTokens(a));
      }),
      { numRuns: 500 },
    );
  });

  it("of nothing is 0, and of any character at least 1 but a space that goes with the next word", () => {
    expect([estimateTokens(""), estimateTokens(" ")]).toEqual([0, 0]);
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 1 }), (char) => {
        expect(estimateTokens(char)).toBeGreaterThanOrEqual(/[^\S\r\n]/.test(char) ? 0 : 1);
      }),
    );
  });
});

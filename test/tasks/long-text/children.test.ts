// How the calls of a long text are bounded, sliced and fenced.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Child } from "../../../src/core/outcome";
import { callTokens, countTokens, nextSlice } from "../../../src/tasks/long-text/children";
import { fence } from "../../../src/tasks/long-text/fence";

const child = (chars: number, n: number): Child => ({
  task: "generate",
  customId: `${n}`,
  input: { prompt: "a".repeat(chars) },
});

describe("slices", () => {
  it("have all children, each once and in order, and say which is the last", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(1, 10, 900_000), { maxLength: 500 }), (sizes) => {
        const all = sizes.map(child);
        const made: Child[] = [];
        for (;;) {
          const { children, isLast } = nextSlice(all, made.length);
          expect(children.length).toBeLessThanOrEqual(200);
          expect(children.length > 0 || isLast).toBe(true);
          made.push(...children);
          if (isLast) break;
        }
        expect(made.map(({ customId }) => customId)).toEqual(all.map(({ customId }) => customId));
      }),
      { numRuns: 30 },
    );
  });
});

describe("the tokens of a call", () => {
  it("are what the job says, else what is usual, and at most half of the context", () => {
    expect(callTokens({ max_chunk_tokens: 900 }, 1_000, 4_000)).toBe(900);
    expect(callTokens({}, 128_000, 4_000)).toBe(4_000);
    expect(callTokens({}, 2_000, 4_000)).toBe(1_000);
    expect(callTokens({}, null, 32_000)).toBe(4_000);
  });

  it("of rows of blanks and dashes count enough, so that a chunk fits into an input", () => {
    expect(countTokens(" ".repeat(80_000))).toBe(10_000);
  });
});

describe("a fence", () => {
  const hostile = fc
    .array(
      fc.constantFrom("</document>", "<document-2>", "</DOCUMENT-3 >", "</document-", "4>", "text", "\n"),
    )
    .map((parts) => parts.join(""));

  it("is closed by nothing that stands in the text, and always the same for it", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const { name, text: fenced } = fence(text);
        expect(fenced).toBe(`<${name}>\n${text}\n</${name}>`);
        expect(text.toLowerCase()).not.toContain(`/${name}`);
        expect(fence(text)).toEqual(fence(text));
      }),
    );
    expect(fence("text").name).toBe("document");
  });
});

// What the tasks over long texts take, and what they refuse.

import { describe, expect, it } from "vitest";
import { summarize } from "../../../src/tasks/summarize";
import { translate } from "../../../src/tasks/translate";
import { inputProblems } from "../task-harness";

describe("the input of summarize", () => {
  it.each([
    { text: "a" },
    { url: "https://example.com/a.pdf" },
    { file_id: "file_1", style: "outline", length: 120, language: "German", citations: false },
    { text: "a", length: "long", max_chunk_tokens: 400, overlap_tokens: 200, on_chunk_failure: "skip" },
  ])("may be %j", (input) => expect(inputProblems(summarize, input)).toEqual([]));

  it.each([
    [{}, "text: expected text, url or file_id, and one of the three"],
    [{ text: "a", url: "https://example.com" }, "text: expected text, url or file_id, and one of the three"],
    [{ text: " \n" }, "text: expected more than blanks"],
    [{ url: "example.com" }, "url: expected a URL in full, such as https://example.com/page"],
    [{ url: "ftp://example.com" }, "url: expected a URL in full, such as https://example.com/page"],
    [
      { text: "a", length: "huge" },
      'length: expected "short", "medium", "long" or a number of words from 20 to 10000',
    ],
    [
      { text: "a", max_chunk_tokens: 200, overlap_tokens: 101 },
      "overlap_tokens: expected at most half of max_chunk_tokens",
    ],
    [
      { text: "a", provider_options: { model: "b" } },
      "provider_options.model: `model` cannot be set in provider_options",
    ],
  ])("may not be %j", (input, problem) => expect(inputProblems(summarize, input)).toEqual([problem]));
});

describe("the input of translate", () => {
  it("names a language, and may have a glossary", () => {
    expect(inputProblems(translate, { text: "a", target_language: "de", glossary: { a: "b" } })).toEqual([]);
    expect(inputProblems(translate, { text: "a" })).toHaveLength(1);
    const glossary = Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [`term ${i}`, "b"]));
    expect(inputProblems(translate, { text: "a", target_language: "de", glossary })).toEqual([
      "glossary: expected at most 1000 terms",
    ]);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cacheSettings, questionText } from "../../src/core/cache";

const asked = { task: "generate", models: ["acme/chat"], input: { prompt: "Tea" }, scope: null };

describe("questionText", () => {
  it("is the same whatever the order of keys, of models, and however often a model is named", () => {
    const models = fc.shuffledSubarray(["a/1", "b/2", "c/3"], { minLength: 3 });
    fc.assert(
      fc.property(models, fc.dictionary(fc.string(), fc.jsonValue()), (shuffled, input) => {
        const turned = Object.fromEntries(Object.entries(input).reverse());
        const again = { ...asked, models: [...shuffled, "a/1"], input: turned };
        expect(questionText(again)).toBe(questionText({ ...asked, models: ["a/1", "b/2", "c/3"], input }));
      }),
    );
  });

  it.each([
    { task: "embed" },
    { models: ["acme/other"] },
    { models: ["acme/chat", "acme/other"] },
    { models: ["other/chat"] },
    { input: { prompt: "tea" } },
    { input: { prompt: "Tea", temperature: 0 } },
    { scope: "acme/chat" },
    { scope: "" },
  ])("is another one with %j", (over) => {
    expect(questionText({ ...asked, ...over })).not.toBe(questionText(asked));
  });
});

describe("cacheSettings", () => {
  it("are a day, and nothing past its time, for a job that says no more than that it uses the cache", () => {
    expect(cacheSettings({})).toEqual({
      mode: "use",
      ttl_ms: 86_400_000,
      stale_ms: 0,
      scope: null,
      tags: [],
    });
    expect(cacheSettings({ tags: ["a", "a"], ttl_s: 0.5 })).toMatchObject({ tags: ["a"], ttl_ms: 500 });
  });

  it("are none for a job that does not use it", () => {
    expect([cacheSettings(undefined), cacheSettings({ mode: "off", ttl_s: 5 })]).toEqual([null, null]);
  });
});

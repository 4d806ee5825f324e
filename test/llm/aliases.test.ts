// The MODEL_ALIASES variable.

import { describe, expect, it } from "vitest";
import { parseAliases } from "../../src/llm/aliases";

const problemsOf = (value: unknown) => {
  const parsed = parseAliases(typeof value === "string" ? value : JSON.stringify(value));
  return parsed.ok ? [] : parsed.problems;
};

describe("MODEL_ALIASES", () => {
  it("takes a model, and lists of models with and without weights", () => {
    const value = { fast: "a/b", smart: ["a/b", { model: "c/d", weight: 0.5 }, { model: "e/f" }] };
    expect(parseAliases(JSON.stringify(value))).toEqual({
      ok: true,
      value: {
        fast: [{ model: "a/b", weight: null }],
        smart: [
          { model: "a/b", weight: null },
          { model: "c/d", weight: 0.5 },
          { model: "e/f", weight: null },
        ],
      },
    });
  });

  it("names every problem at once, each with its path", () => {
    const broken = {
      number: 5,
      none: [],
      entries: ["a/b", { model: "c/d", weight: -1 }, { modl: "e/f" }, 7],
      empty: "",
    };
    expect(problemsOf(broken).sort()).toEqual([
      "MODEL_ALIASES.empty[0].model: Too small: expected string to have >=1 characters",
      "MODEL_ALIASES.entries[1].weight: Too small: expected number to be >=0",
      "MODEL_ALIASES.entries[2].model: expected string, but it is missing",
      "MODEL_ALIASES.entries[2].modl: unknown field",
      "MODEL_ALIASES.entries[3]: expected object, got number",
      "MODEL_ALIASES.none: Too small: expected array to have >=1 items",
      "MODEL_ALIASES.number: expected array, got number",
    ]);
  });

  it("refuses a model that is listed twice, and a list without any weight", () => {
    const zero = (model: string) => ({ model, weight: 0 });
    expect(problemsOf({ twice: ["a/b", "c/d", "a/b"], idle: [zero("a/b"), zero("c/d")] })).toEqual([
      'MODEL_ALIASES.twice[2].model: "a/b" is used twice',
      "MODEL_ALIASES.idle: expected a weight above 0",
    ]);
  });

  it.each(["[1]", "{", "null", "5"])("refuses %s, which is no object", (text) => {
    expect(problemsOf(text)).toEqual([expect.stringContaining("expected a JSON object of names")]);
  });
});

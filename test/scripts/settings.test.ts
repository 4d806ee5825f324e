// What the commands make of wrangler.toml, .dev.vars, the environment and the lock file.

import { describe, expect, it } from "vitest";
import { collectVariables, describeModels } from "../../scripts/dev-vars.mjs";
import { matchesLock } from "../../scripts/install.mjs";
import { parseToml } from "../../scripts/wrangler-config.mjs";

const noVars = { PROVIDERS: "[]", SANDBOX: "off" };

describe("wrangler.toml", () => {
  it("is read in every form that a string or a list of strings may have", () => {
    const text = `
name = "errand" # a comment
flags = [
  "one", # "not this"
  'two',
]
[vars] # here
A = "a \\"quoted\\" word"
B = '[{"name": "x"}]'
C = """
[{"key": "K"}]"""
D = '''
it's # no comment
'''
# E = "commented out"
[[list]]
name = "first"
[[list]]
name = "second"
n = 5
`;
    const tables = parseToml(text);
    expect(tables[""]).toEqual({ name: "errand", flags: ["one", "two"] });
    expect(tables.vars).toEqual({
      A: 'a "quoted" word',
      B: '[{"name": "x"}]',
      C: '[{"key": "K"}]',
      D: "it's # no comment\n",
    });
    expect(tables.list).toEqual({ name: "second", n: "5" });
  });
});

describe("the settings of local dev", () => {
  it("come from the environment first, then from .dev.vars, then from wrangler.toml", () => {
    const { values, overrides } = collectVariables({
      env: { ROOT_KEY: "from env", HOME: "never passed on", DEFAULT_MODEL: "" },
      file: { ROOT_KEY: "from file", SANDBOX: "on" },
      vars: { ...noVars, DEFAULT_MODEL: "from toml" },
    });
    expect(overrides).toEqual({ ROOT_KEY: "from env" });
    expect(values).toMatchObject({ ROOT_KEY: "from env", SANDBOX: "on", DEFAULT_MODEL: "from toml" });
  });

  it("include the secrets that the providers name, and no others", () => {
    const PROVIDERS = JSON.stringify([
      { name: "a", key: "A_KEY" },
      { name: "b", key: "B_KEY" },
      { name: "c" },
    ]);
    const variables = collectVariables({
      env: { PROVIDERS, A_KEY: "1", OTHER_KEY: "2" },
      file: {},
      vars: noVars,
    });
    expect(variables.overrides).toEqual({ PROVIDERS, A_KEY: "1" });
    expect(describeModels(variables)).toBe("a, b (B_KEY is not set), c");
  });

  it("include every key of a provider that has several, and say which are not set", () => {
    const PROVIDERS = JSON.stringify([
      { name: "a", key: ["K1", "K2", "K3"] },
      { name: "b", key: ["K4"] },
    ]);
    const variables = collectVariables({ env: { PROVIDERS, K1: "1", K4: "4" }, file: {}, vars: noVars });
    expect(variables.overrides).toEqual({ PROVIDERS, K1: "1", K4: "4" });
    expect(describeModels(variables)).toBe("a (K2, K3 are not set), b");
  });

  it("make a provider of OPENAI_API_KEY alone", () => {
    const env = { OPENAI_API_KEY: "sk-1", OPENAI_BASE_URL: "http://127.0.0.1:1/v1" };
    const { overrides, providers } = collectVariables({ env, file: {}, vars: noVars });
    expect(providers).toMatchObject([
      { name: "openai", base_url: "http://127.0.0.1:1/v1", key: "OPENAI_API_KEY" },
    ]);
    expect(providers[0]?.models.map((model) => model.name)).toEqual(["gpt-5-mini", "text-embedding-3-small"]);
    expect(overrides.OPENAI_API_KEY).toBe("sk-1");
    expect(JSON.parse(overrides.PROVIDERS ?? "")).toEqual(providers);
  });

  it("leave PROVIDERS alone when somebody set it", () => {
    const { providers } = collectVariables({
      env: { OPENAI_API_KEY: "sk-1", PROVIDERS: "[]" },
      file: {},
      vars: noVars,
    });
    expect(providers).toEqual([]);
  });

  it("say that the sandbox answers when there is no provider", () => {
    const variables = collectVariables({ env: {}, file: { SANDBOX: "on" }, vars: noVars });
    expect(describeModels(variables)).toBe("sandbox (no provider key set)");
  });

  it("refuse PROVIDERS that is not a list", () => {
    expect(() => collectVariables({ env: { PROVIDERS: "{}" }, file: {}, vars: noVars })).toThrow(
      "not a JSON list",
    );
  });
});

describe("an install", () => {
  const locked = { "": {}, a: { version: "1.0.0" }, mac: { version: "1.0.0", optional: true } };

  it("is kept while it is what the lock file says, without the packages of other platforms", () => {
    expect(matchesLock(locked, { a: { version: "1.0.0" } })).toBe(true);
  });

  it("is made anew when it is absent, incomplete, older or has too much", () => {
    const tooMuch = { ...locked, b: { version: "1.0.0" } };
    expect(matchesLock(locked, undefined)).toBe(false);
    expect(matchesLock(locked, {})).toBe(false);
    expect(matchesLock(locked, { a: { version: "0.9.0" } })).toBe(false);
    expect(matchesLock(locked, tooMuch)).toBe(false);
  });
});

// What npm run deploy asks a person at a terminal, with the answers given by the test.

import { describe, expect, it } from "vitest";
import { type DeployContext, deploy, type Result } from "../../scripts/deploy-steps.mjs";

const PROVIDERS = JSON.stringify([{ name: "openai", key: "OPENAI_API_KEY" }, { name: "local" }]);
const ACCOUNTS = [
  { name: "Alpha", id: "id-a" },
  { name: "Beta", id: "id-b" },
];

type World = { secrets: string[]; accounts: object[]; answers: string[]; loggedIn: boolean };

/** Everything that is said, asked and run, in order. */
async function deployWith(world: Partial<World>, env: Record<string, string> = {}, providers = PROVIDERS) {
  const { secrets = [], accounts = [], answers = [] } = world;
  let loggedIn = world.loggedIn ?? true;
  const seen = { asked: [] as string[], hidden: [] as boolean[], said: [] as string[], ran: [] as string[] };
  const ok = (value: unknown): Result => ({ code: 0, stdout: JSON.stringify(value), output: "" });
  const context: DeployContext = {
    env,
    interactive: true,
    config: { database: "errand", vars: { PROVIDERS: providers } },
    say: (text) => seen.said.push(text),
    ask: async (question, options) => {
      seen.asked.push(question);
      seen.hidden.push(options?.hidden ?? false);
      return answers.shift() ?? "";
    },
    wrangler: async (args) => {
      seen.ran.push(args.slice(0, 2).join(" "));
      if (args[0] === "login") loggedIn = true;
      if (args[0] === "whoami") return ok({ loggedIn, accounts });
      return ok(secrets.map((name) => ({ name })));
    },
  };
  await deploy(context);
  return { ...seen, env };
}

describe("a person at a terminal", () => {
  it("is shown the new root key once and asked for the provider's key without seeing it", async () => {
    const { asked, hidden, said } = await deployWith({ answers: ["sk-1"] });
    expect(asked).toEqual(["API key of openai (OPENAI_API_KEY, not shown): "]);
    expect(hidden).toEqual([true]);
    expect(said.join("\n")).toMatch(/\broot key +errand_root_[0-9a-f]{32}\n/);
    expect(said.join("\n")).not.toContain("sk-1");
  });

  it("is asked for each key of a provider that has several", async () => {
    const providers = JSON.stringify([{ name: "openai", key: ["K1", "K2"] }]);
    const { asked } = await deployWith({ secrets: ["K1"], answers: ["sk-2"] }, {}, providers);
    expect(asked).toEqual(["API key of openai (K2, not shown): "]);
    await expect(deployWith({ answers: ["sk-1", ""] }, {}, providers)).rejects.toThrow("Not set: K2");
  });

  it("is asked nothing when all secrets are there", async () => {
    const { asked, said } = await deployWith({ secrets: ["ROOT_KEY", "TOKEN_SECRET", "OPENAI_API_KEY"] });
    expect(asked).toEqual([]);
    expect(said.join("\n")).not.toContain("root key");
  });

  it("is asked nothing that the environment knows", async () => {
    const { asked, said } = await deployWith({}, { ROOT_KEY: "errand_root_mine", OPENAI_API_KEY: "sk-1" });
    expect(asked).toEqual([]);
    expect(said.join("\n")).not.toContain("errand_root_");
  });

  it("is told which secret is missing when the answer is empty, before anything was changed", async () => {
    await expect(deployWith({ answers: [""] })).rejects.toThrow("Not set: OPENAI_API_KEY");
  });

  it("chooses among several accounts", async () => {
    const { env } = await deployWith({ accounts: ACCOUNTS, answers: ["2", "sk-1"] });
    expect(env.CLOUDFLARE_ACCOUNT_ID).toBe("id-b");
    await expect(deployWith({ accounts: ACCOUNTS, answers: ["3"] })).rejects.toThrow("no account number 3");
  });

  it("is sent to the login first", async () => {
    const { ran } = await deployWith({ loggedIn: false, answers: ["sk-1"] });
    expect(ran.slice(0, 3)).toEqual(["whoami --json", "login", "whoami --json"]);
  });
});

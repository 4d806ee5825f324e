// npm run deploy against a stand-in for wrangler: the order of steps, and what is asked.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { copyProject, readText, startScript, writeText } from "../support/project-copy.mjs";

type Account = {
  calls: string[];
  loggedIn: boolean;
  database?: boolean;
  migrated?: boolean;
  worker?: boolean;
  secrets?: Record<string, string>;
};

const ROOT_KEY = "errand_root_0123456789abcdef0123456789abcdef";
const PROVIDER = `'[{"name": "openai", "base_url": "https://api.openai.com/v1", "key": "OPENAI_API_KEY", "models": []}]'`;
const FULL_DEPLOYMENT = [
  "whoami --json",
  "secret list --format json",
  "d1 info errand --json",
  "d1 create errand",
  "d1 migrations apply errand --remote",
  "deploy --secrets-file FILE",
];

let project: { root: string; remove(): void };
let accountFile: string;
let settings: string;

const account = (): Account => JSON.parse(readText(accountFile) ?? "{}");
const setAccount = (value: object) => writeText(accountFile, JSON.stringify(value));

async function deploy(env: Record<string, string> = {}, args = ["--yes"]) {
  const clean = { CLOUDFLARE_ACCOUNT_ID: "", ROOT_KEY: "", TOKEN_SECRET: "", OPENAI_API_KEY: "" };
  const script = startScript(project.root, "deploy.mjs", args, {
    ...clean,
    ...env,
    FAKE_ACCOUNT: accountFile,
  });
  const { code } = await script.ended;
  return { code, text: script.lines.join("\n") };
}

beforeAll(() => {
  project = copyProject({ fakeWrangler: true });
  accountFile = `${project.root}/account.json`;
  settings = readText(`${project.root}/wrangler.toml`) ?? "";
});
afterAll(() => project.remove());
beforeEach(() => {
  setAccount({ loggedIn: true });
  writeText(`${project.root}/wrangler.toml`, settings);
});

const nameProvider = () =>
  writeText(`${project.root}/wrangler.toml`, settings.replace('PROVIDERS = "[]"', `PROVIDERS = ${PROVIDER}`));

describe("an empty account", () => {
  it("gets the database, its tables, then the code together with its secrets", async () => {
    const { code, text } = await deploy({ ROOT_KEY });
    expect(text).toContain("ready https://errand.example.workers.dev");
    expect(code).toBe(0);
    expect(account().calls).toEqual(FULL_DEPLOYMENT);
    expect(account().secrets?.ROOT_KEY).toBe(ROOT_KEY);
    expect(account().secrets?.TOKEN_SECRET).toMatch(/^[0-9a-f]{64}$/);
  });

  it("is told the first request and that there is no model yet, but no secret", async () => {
    const { text } = await deploy({ ROOT_KEY });
    expect(text).toContain("curl https://errand.example.workers.dev/v1/jobs");
    expect(text).toContain("no model yet");
    expect(text).not.toContain(ROOT_KEY);
    expect(text).not.toContain(account().secrets?.TOKEN_SECRET);
  });

  it("is not touched when a secret is missing, and every missing one is named", async () => {
    nameProvider();
    const { code, text } = await deploy();
    expect(code).toBe(1);
    expect(text).toContain("Not set: ROOT_KEY, OPENAI_API_KEY (the API key of openai).");
    expect(account()).not.toHaveProperty("database");
    expect(account()).not.toHaveProperty("worker");
  });

  it("gets the provider's key from the environment", async () => {
    nameProvider();
    const { code, text } = await deploy({ ROOT_KEY, OPENAI_API_KEY: "sk-$HOME'x" });
    expect(code).toBe(0);
    expect(account().secrets?.OPENAI_API_KEY).toBe("sk-$HOME'x");
    expect(text).not.toContain("sk-");
  });
});

describe("a second deployment", () => {
  it("needs nothing, makes nothing anew and leaves the secrets alone", async () => {
    await deploy({ ROOT_KEY });
    const first = account();
    setAccount({ ...first, calls: [] });
    const { code } = await deploy({ ROOT_KEY: "another_root_key_that_is_ignored" });
    expect(code).toBe(0);
    expect(account().calls).toEqual([
      ...FULL_DEPLOYMENT.filter((call) => !/create|secrets-file/.test(call)),
      "deploy",
    ]);
    expect(account().secrets).toEqual(first.secrets);
  });

  it("asks only for the key of a provider that is new", async () => {
    await deploy({ ROOT_KEY });
    nameProvider();
    expect((await deploy()).text).toContain("Not set: OPENAI_API_KEY (the API key of openai).");
    expect((await deploy({ OPENAI_API_KEY: "sk-1" })).code).toBe(0);
    expect(account().secrets?.ROOT_KEY).toBe(ROOT_KEY);
  });
});

describe("without a terminal", () => {
  it("says how to log in", async () => {
    setAccount({ loggedIn: false });
    const { code, text } = await deploy({ ROOT_KEY }, []);
    expect(code).toBe(1);
    expect(text).toContain("CLOUDFLARE_API_TOKEN");
  });

  it("lists the accounts when there are several", async () => {
    const accounts = ["Alpha", "Beta"].map((name) => ({ name, id: `id-${name}` }));
    setAccount({ loggedIn: true, accounts });
    const { text } = await deploy({ ROOT_KEY });
    expect(text).toContain("Set CLOUDFLARE_ACCOUNT_ID");
    expect(text).toContain("id-Beta");
    expect((await deploy({ ROOT_KEY, CLOUDFLARE_ACCOUNT_ID: "id-Beta" })).code).toBe(0);
  });

  it.each(["secret list", "d1 info", "d1 create", "d1 migrations apply errand --remote", "deploy"])(
    "stops when `%s` fails, with what wrangler said",
    async (breaks) => {
      setAccount({ loggedIn: true, breaks });
      const { code, text } = await deploy({ ROOT_KEY });
      expect(code).toBe(1);
      expect(text).toContain("something is broken");
      expect(account().calls.at(-1)).toContain(breaks);
      expect(account().worker).toBeUndefined();
    },
  );
});

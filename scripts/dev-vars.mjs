// Decides the variables and secrets of a local run: the environment first, then .dev.vars, then wrangler.toml.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { Problem } from "./terminal.mjs";

const SETTINGS = [
  "ROOT_KEY",
  "TOKEN_SECRET",
  "PROVIDERS",
  "DEFAULT_MODEL",
  "MODEL_ALIASES",
  "SANDBOX",
  "LOCAL_URLS",
  "CORS_ORIGINS",
  "TIMING",
  "RETENTION_DAYS",
  "MAX_OPEN_JOBS",
  "ENCRYPTION_KEYS",
];

export const newRootKey = () => `errand_root_${randomBytes(16).toString("hex")}`;
export const newTokenSecret = () => randomBytes(32).toString("hex");

/** Writes .dev.vars with fresh secrets, unless it is there. Returns whether it was written. */
export function createDevVars(file) {
  if (existsSync(file)) return false;
  const text = `# Secrets and settings of local development. Made by npm run dev; git ignores it.
# The key that may do everything: create projects and their keys.
ROOT_KEY=${newRootKey()}
# Signs the short-lived tokens for browsers.
TOKEN_SECRET=${newTokenSecret()}
# Serves the built-in stand-in models (sandbox/...), which need no key and cost nothing.
SANDBOX=on
# The URLs in jobs may lead to this machine, to try them with a server of your own.
LOCAL_URLS=on
# For real models set PROVIDERS here (see wrangler.toml) and the secret that each provider's \`key\` names.
`;
  writeFileSync(file, text, { mode: 0o600 });
  return true;
}

export function readDevVars(file) {
  return existsSync(file) ? parseEnv(readFileSync(file, "utf8")) : {};
}

/** What OPENAI_API_KEY alone stands for. */
function openaiProvider(baseUrl) {
  const chat = { input: 0.25, cached_input: 0.025, output: 2.0 };
  return {
    name: "openai",
    base_url: baseUrl || "https://api.openai.com/v1",
    key: "OPENAI_API_KEY",
    models: [
      { name: "gpt-5-mini", kind: "chat", context_tokens: 400000, price: chat },
      { name: "text-embedding-3-small", kind: "embedding", price: { input: 0.02 } },
    ],
  };
}

export function parseProviders(text) {
  try {
    const list = JSON.parse(text);
    if (Array.isArray(list)) return list;
  } catch {
    // told below
  }
  throw new Problem("PROVIDERS is not a JSON list. See the example in wrangler.toml.");
}

/** The names of the secrets that hold a provider's keys. */
export function keyNames({ key }) {
  return [key ?? []].flat().filter(Boolean);
}

function pickSet(names, source) {
  return Object.fromEntries(names.filter((name) => source[name]).map((name) => [name, source[name]]));
}

/**
 * `env`: the environment; `file`: the content of .dev.vars; `vars`: [vars] of wrangler.toml. Returns what must be
 * laid over the file (`overrides`), everything as the Worker will see it (`values`), and the providers.
 */
export function collectVariables({ env, file, vars }) {
  const overrides = pickSet(SETTINGS, env);
  const known = { ...file, ...pickSet(Object.keys(env), env) };
  let providers = parseProviders(known.PROVIDERS || vars.PROVIDERS || "[]");
  if (!known.PROVIDERS && providers.length === 0 && known.OPENAI_API_KEY) {
    providers = [openaiProvider(known.OPENAI_BASE_URL)];
    overrides.PROVIDERS = JSON.stringify(providers);
  }
  Object.assign(overrides, pickSet(providers.flatMap(keyNames), env));
  return { overrides, values: { ...vars, ...file, ...overrides }, providers };
}

/** One line for the person: which models answer. */
export function describeModels({ providers, values }) {
  const names = providers.map((provider) => {
    const missing = keyNames(provider).filter((key) => !values[key]);
    if (missing.length === 0) return provider.name;
    return `${provider.name} (${missing.join(", ")} ${missing.length > 1 ? "are" : "is"} not set)`;
  });
  if (names.length > 0) return names.join(", ");
  return values.SANDBOX === "on"
    ? "sandbox (no provider key set)"
    : "none (no provider key set, SANDBOX is off)";
}

/** Wrangler expands $NAME in env files even inside quotes, and quotes cannot be escaped there. */
function quote(name, value) {
  const escaped = value.replaceAll("$", "\\$");
  const mark = ["'", "`"].find((candidate) => !escaped.includes(candidate));
  if (!mark) throw new Problem(`${name} contains both ' and \`, which local dev cannot pass on.`);
  return `${name}=${mark}${escaped}${mark}\n`;
}

export function toEnvFile(values) {
  return Object.entries(values)
    .map(([name, value]) => quote(name, value))
    .join("");
}

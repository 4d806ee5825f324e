// The steps of a deployment, in an order that works on an empty account and asks nothing the second time.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { keyNames, newRootKey, newTokenSecret, parseProviders } from "./dev-vars.mjs";
import { Problem } from "./terminal.mjs";

/** Runs a wrangler command that has to work. */
async function must(context, what, args, options) {
  const result = await context.wrangler(args, options);
  if (result.code !== 0) throw new Problem(`${what} failed.\n${result.output.trim()}`, result.code);
  return result;
}

async function whoAmI(context) {
  const { stdout } = await context.wrangler(["whoami", "--json"]);
  try {
    return JSON.parse(stdout.slice(stdout.indexOf("{")));
  } catch {
    return { loggedIn: false };
  }
}

async function logIn(context) {
  let user = await whoAmI(context);
  if (user.loggedIn) return user;
  if (!context.interactive) {
    throw new Problem("Not logged in to Cloudflare. Set CLOUDFLARE_API_TOKEN, or run `npx wrangler login`.");
  }
  await must(context, "The login", ["login"], { tty: true });
  user = await whoAmI(context);
  if (!user.loggedIn) throw new Problem("Not logged in to Cloudflare.");
  return user;
}

/** Which account: wrangler takes it from CLOUDFLARE_ACCOUNT_ID. */
async function chooseAccount(context, { accounts = [] }) {
  if (context.env.CLOUDFLARE_ACCOUNT_ID || context.config.accountId || accounts.length < 2) return;
  const list = accounts.map((account, i) => `  ${i + 1}  ${account.name}  ${account.id}`).join("\n");
  if (!context.interactive) {
    throw new Problem(`You have several accounts. Set CLOUDFLARE_ACCOUNT_ID to one of them:\n${list}`);
  }
  const answer = await context.ask(`Which account?\n${list}\nNumber: `);
  const account = accounts[Number(answer) - 1];
  if (!account) throw new Problem(`There is no account number ${answer}.`);
  context.env.CLOUDFLARE_ACCOUNT_ID = account.id;
}

/** Names of the secrets that the Worker has; none if there is no such Worker yet. */
async function listSecrets(context) {
  const { code, stdout, output } = await context.wrangler(["secret", "list", "--format", "json"]);
  if (code === 0) return JSON.parse(stdout.slice(stdout.indexOf("["))).map((secret) => secret.name);
  if (/Worker ".*" not found/.test(output)) return [];
  throw new Problem(`The secrets could not be listed.\n${output.trim()}`, code);
}

/** Who needs which secret: name -> the provider's name, or undefined for Errand's own. */
function wantedSecrets(config) {
  const providers = parseProviders(config.vars.PROVIDERS || "[]");
  const keys = providers.flatMap((provider) => keyNames(provider).map((key) => [key, provider.name]));
  return new Map([["ROOT_KEY"], ["TOKEN_SECRET"], ...keys]);
}

async function obtainSecret(context, name, provider) {
  if (context.env[name]) return context.env[name];
  if (name === "TOKEN_SECRET") return newTokenSecret(); // nobody needs to know it
  if (!context.interactive) return undefined;
  if (name === "ROOT_KEY") {
    const key = newRootKey();
    context.say(`root key  ${key}\n          Keep it now: it is not shown again.`);
    return key;
  }
  return context.ask(`API key of ${provider} (${name}, not shown): `, { hidden: true });
}

/** Values for the secrets that are not set yet. Everything is asked before anything is changed. */
async function collectSecrets(context) {
  const present = await listSecrets(context);
  const secrets = {};
  const missing = [];
  for (const [name, provider] of wantedSecrets(context.config)) {
    if (present.includes(name)) continue;
    const value = await obtainSecret(context, name, provider);
    if (value) secrets[name] = value;
    else missing.push(provider ? `${name} (the API key of ${provider})` : name);
  }
  if (missing.length > 0) {
    throw new Problem(
      `Not set: ${missing.join(", ")}. Set it in the environment, or run npm run deploy in a terminal.`,
    );
  }
  return secrets;
}

/** The tables are made before the code that needs them arrives, on a first deployment and on every later one. */
async function prepareDatabase(context) {
  const { database } = context.config;
  const { code, output } = await context.wrangler(["d1", "info", database, "--json"]);
  if (code !== 0) {
    if (!/Couldn't find/.test(output)) throw new Problem(`D1 could not be asked.\n${output.trim()}`, code);
    context.say(`creating database ${database} ...`);
    await must(context, "Creating the database", ["d1", "create", database]);
  }
  context.say("migrating the database ...");
  await must(context, "The migration", ["d1", "migrations", "apply", database, "--remote"]);
}

function readUrl(report) {
  const lines = readFileSync(report, "utf8").trim().split("\n");
  const entries = lines.filter(Boolean).map((line) => JSON.parse(line));
  const targets = entries.findLast((entry) => entry.type === "deploy")?.targets ?? [];
  const target = targets.find((text) => /^(https?:\/\/)?[\w-]+(\.[\w-]+)+/.test(text));
  return target?.replace(/^(?:https?:\/\/)?([^\s/]+).*$/, "https://$1");
}

/** Uploads code and secrets in one go, so that there is never a version without its keys. */
async function upload(context, secrets) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "errand-deploy-"));
  try {
    const report = path.join(folder, "report.ndjson");
    writeFileSync(report, "");
    const args = ["deploy"];
    if (Object.keys(secrets).length > 0) {
      const file = path.join(folder, "secrets.json");
      writeFileSync(file, JSON.stringify(secrets), { mode: 0o600 });
      args.push("--secrets-file", file);
    }
    context.say("deploying ...");
    // At a terminal wrangler may have to ask, for instance for the account's first workers.dev name.
    const options = { tty: context.interactive, env: { WRANGLER_OUTPUT_FILE_PATH: report } };
    await must(context, "The deployment", args, options);
    return readUrl(report);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `context`: wrangler(args, options), ask, say, env, config of wrangler.toml, interactive. Returns the URL. */
export async function deploy(context) {
  await chooseAccount(context, await logIn(context));
  const secrets = await collectSecrets(context);
  await prepareDatabase(context);
  const url = await upload(context, secrets);
  const models = parseProviders(context.config.vars.PROVIDERS || "[]").length;
  if (models === 0 && context.config.vars.SANDBOX !== "on") {
    context.say("note: no model yet. Set PROVIDERS in wrangler.toml (see there) and deploy again.");
  }
  return url;
}

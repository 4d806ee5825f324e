// Starts the whole service locally (migrated database, wrangler dev) and stops it without leaving anything behind.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { isReadyLine, tidyLine } from "./dev-log.mjs";
import { collectVariables, newRootKey, newTokenSecret, readDevVars, toEnvFile } from "./dev-vars.mjs";
import { ensureInstalled, ROOT } from "./install.mjs";
import { freePort, isPortFree } from "./ports.mjs";
import { run, startGroup, stopGroup } from "./processes.mjs";
import { eachLine, Problem, say } from "./terminal.mjs";
import { readWranglerConfig } from "./wrangler-config.mjs";

const USUAL_PORT = 8787;
const READY_LIMIT_MS = 60_000;
const LEASH = fileURLToPath(new URL("./leash.mjs", import.meta.url));

// The local queue broker runs one batch at a time and waits for its waitUntil; without this flag one slow model
// call would hold up every job behind it. Production runs batches side by side and must wait (that is what makes a
// crash redeliver), so the flag is never in wrangler.toml.
const LOCAL_FLAG = "queue_consumer_no_wait_for_wait_until";

async function choosePort(port) {
  if (port === undefined) return (await isPortFree(USUAL_PORT)) ? USUAL_PORT : freePort();
  if (port === 0) return freePort();
  if (await isPortFree(port)) return port;
  throw new Problem(
    `Port ${port} is already in use. Stop what listens there, or choose another one with --port.`,
  );
}

/** The settings of wrangler itself. */
function wranglerEnv(base, tempDir) {
  return {
    ...base,
    X_LOCAL_OBSERVABILITY: "false", // a trace of every request into a local database: halves the speed
    CLOUDFLARE_CF_FETCH_ENABLED: "false", // works without internet
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_HIDE_BANNER: "true",
    // Two sessions that share the registry steal each other's queue messages.
    WRANGLER_REGISTRY_PATH: path.join(tempDir, "registry"),
    TMPDIR: tempDir, // wrangler may end before it has removed its own
  };
}

async function migrate(database, persistTo, env) {
  const persist = persistTo ? ["--persist-to", persistTo] : [];
  const args = ["d1", "migrations", "apply", database, "--local", ...persist];
  const { code, output } = await run("wrangler", args, { cwd: ROOT, env });
  if (code !== 0) throw new Problem(`The local database could not be migrated.\n${output.trim()}`);
}

/** Resolves when the Worker itself says that it is well. */
async function waitUntilHealthy(url, state, child) {
  const deadline = Date.now() + READY_LIMIT_MS;
  let answer = "no answer";
  while (Date.now() < deadline) {
    if (state.ended) throw new Problem(`wrangler dev ended before it was ready.${state.unseen()}`);
    // Before wrangler says so, an answer may come from something else that took the port.
    if (state.isListening) {
      const signal = AbortSignal.timeout(5000);
      const response = await fetch(`${url}/health`, { signal }).catch((error) => error);
      if (response.status === 200) return;
      answer = response.status ? `${response.status} ${await response.text()}` : response.message;
      if (answer.includes('"not_configured"')) break; // waiting does not help
    }
    await Promise.race([child.ended, new Promise((resolve) => setTimeout(resolve, 50))]);
  }
  throw new Problem(`GET ${url}/health did not answer 200: ${answer}${state.unseen()}`);
}

function startWrangler({ port, persistTo, envFiles, flags, args, env, tempDir }) {
  const unlessGiven = (name, value) =>
    args.some((arg) => arg.split("=")[0] === name) ? [] : [`${name}=${value}`];
  const many = (name, values) => values.map((value) => `--${name}=${value}`);
  const command = [
    "wrangler",
    "dev",
    `--port=${port}`,
    ...unlessGiven("--ip", "127.0.0.1"),
    // Wrangler looks for a free one from 9229 up, and two sessions that start at once find the same.
    ...unlessGiven("--inspector-port", 0),
    ...(persistTo ? [`--persist-to=${persistTo}`] : []),
    ...many("env-file", envFiles), // with this option wrangler does not read .dev.vars by itself
    ...many("compatibility-flags", flags), // replaces the list in wrangler.toml
    ...args,
  ];
  return startGroup("node", [LEASH, tempDir, ...command], {
    cwd: ROOT,
    env,
    stdio: ["pipe", "pipe", "pipe"],
  });
}

/** Collects the output; shows it line by line unless quiet. */
function followOutput(child, { quiet, onLog }) {
  const log = [];
  const unseen = () => (quiet ? `\n${log.join("\n")}` : "");
  const state = { isListening: false, ended: undefined, unseen };
  for (const stream of ["stdout", "stderr"]) {
    eachLine(child[stream], (line) => {
      if (isReadyLine(line)) state.isListening = true;
      const shown = tidyLine(line);
      if (shown === undefined) return;
      if (log.push(shown) > 100) log.shift();
      if (!quiet) onLog(shown, stream);
    });
  }
  child.ended.then((ended) => {
    state.ended = ended;
  });
  return state;
}

function prepareVariables({ env, devVars, vars, tempDir }) {
  const made = { ROOT_KEY: newRootKey(), TOKEN_SECRET: newTokenSecret(), SANDBOX: "on", LOCAL_URLS: "on" };
  const file = devVars ? readDevVars(devVars) : made;
  const variables = collectVariables({ env, file, vars });
  const overlay = path.join(tempDir, "overrides.env");
  writeFileSync(overlay, toEnvFile(devVars ? variables.overrides : { ...made, ...variables.overrides }), {
    mode: 0o600, // a file, because arguments are visible to everybody on the machine
  });
  return { variables, envFiles: devVars ? [devVars, overlay] : [overlay] };
}

/**
 * Starts everything and resolves when GET /health answers 200.
 *
 * port       a number; 0: any free one; left out: the usual one, or any free one when that is taken
 * persistTo  folder of the local data (left out: .wrangler/state)
 * env        settings and provider keys by name; the process environment is not looked at
 * devVars    a .dev.vars file to start from; left out: no such file is read, and missing secrets are made up
 * args       further arguments of wrangler dev
 * migrated   the data is known to have been migrated: saves two seconds
 */
export async function startDev({
  port,
  persistTo,
  env = {},
  devVars,
  args = [],
  migrated = false,
  quiet = false,
  onLog = say,
} = {}) {
  const base = await ensureInstalled();
  const chosenPort = await choosePort(port);
  const config = readWranglerConfig(ROOT);
  const tempDir = mkdtempSync(path.join(os.tmpdir(), "errand-dev-"));
  const cleanUp = () => rmSync(tempDir, { recursive: true, force: true });
  process.once("exit", cleanUp);
  let child;
  const stop = async () => {
    if (child) await stopGroup(child);
    process.removeListener("exit", cleanUp);
    cleanUp();
  };
  try {
    const { variables, envFiles } = prepareVariables({ env, devVars, vars: config.vars, tempDir });
    const childEnv = wranglerEnv(base, tempDir);
    if (!migrated) await migrate(config.database, persistTo, childEnv);
    const flags = [...config.flags, LOCAL_FLAG];
    child = startWrangler({ port: chosenPort, persistTo, envFiles, flags, args, env: childEnv, tempDir });
    const state = followOutput(child, { quiet, onLog });
    const url = `http://127.0.0.1:${chosenPort}`;
    await waitUntilHealthy(url, state, child);
    return { url, key: variables.values.ROOT_KEY, variables, pid: child.pid, ended: child.ended, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

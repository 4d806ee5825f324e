// Finds the Chrome or Chromium that the tests of pages run in, and installs one where there is none.
import { existsSync } from "node:fs";
import path from "node:path";
import { ROOT } from "./install.mjs";
import { run, startGroup } from "./processes.mjs";
import { Problem, say } from "./terminal.mjs";

const COMMANDS = ["google-chrome", "google-chrome-stable", "chromium", "chromium-browser"];
const PLACES = {
  darwin: [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
  ],
  linux: ["/opt/google/chrome/chrome", "/snap/bin/chromium"],
};

/** What every browser of the tests is started with: a machine of a CI has no graphics, and often no user but root. */
export const BROWSER_ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The program, or undefined: there is none but, maybe, the one that playwright-core has installed and finds itself. */
export function findBrowser({ env = process.env, platform = process.platform, exists = existsSync } = {}) {
  const { CHROME_PATH } = env;
  if (CHROME_PATH) {
    if (exists(CHROME_PATH)) return CHROME_PATH;
    throw new Problem(
      `CHROME_PATH is ${CHROME_PATH}, where nothing is. Name the program of a Chrome or Chromium.`,
    );
  }
  const folders = (env.PATH ?? "").split(path.delimiter).filter(Boolean);
  const onPath = COMMANDS.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  return [...onPath, ...(PLACES[platform] ?? [])].find((file) => exists(file));
}

/** Tries playwright-core's own browser: it may be there, and still lack a library of the system. */
async function startsOwn(env) {
  const args = JSON.stringify(BROWSER_ARGS);
  const script = `const { chromium } = await import("playwright-core"); await (await chromium.launch({ args: ${args} })).close();`;
  const { code } = await run("node", ["--input-type=module", "-e", script], { cwd: ROOT, env });
  return code === 0;
}

async function tell(command, args, env) {
  const child = startGroup(command, args, { cwd: ROOT, env, stdio: ["ignore", "inherit", "inherit"] });
  return (await child.ended).code === 0;
}

/** playwright-core's own; the libraries that it needs only root may install. */
async function installOwn(env, isRoot) {
  if (!(await tell("playwright-core", ["install", "--only-shell", "chromium"], env))) return false;
  if (await startsOwn(env)) return true;
  return isRoot && (await tell("playwright-core", ["install-deps", "chromium"], env)) && startsOwn(env);
}

async function installWithApt(env) {
  const install = ["install", "-y", "-q", "--no-install-recommends", "chromium"];
  const isDone = (await tell("apt-get", ["update", "-q"], env)) && (await tell("apt-get", install, env));
  return isDone && findBrowser({ env }) !== undefined;
}

/** `env`: in which the project's own commands are found. Takes no time where there is a browser. */
export async function ensureBrowser(env) {
  if (findBrowser({ env }) || (await startsOwn(env))) return;
  say("installing a browser for the tests (Chromium) ...");
  const isRoot = process.getuid?.() === 0;
  if (isRoot && existsSync("/etc/debian_version") && (await installWithApt(env))) return;
  if (await installOwn(env, isRoot)) return;
  throw new Problem(
    "There is no browser for the tests, and none could be installed. Install Chrome or Chromium, or set CHROME_PATH to its program.",
  );
}

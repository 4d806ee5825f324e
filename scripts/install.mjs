// Installs the locked packages when needed and finds a Node.js that is new enough for them.
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { run, startGroup } from "./processes.mjs";
import { Problem, say } from "./terminal.mjs";

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const MIN_NODE = [22, 12];

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(path.join(ROOT, file), "utf8")).packages ?? {};
  } catch {
    return undefined;
  }
}

/** Compares content, not times: a fresh checkout of an unchanged lock file must not cost an install. */
export function matchesLock(locked, installed) {
  if (!locked || !installed) return false;
  const differs = (name) => installed[name].version !== locked[name]?.version;
  if (Object.keys(installed).some(differs)) return false;
  // Optional packages of other platforms are in the lock file only.
  return Object.keys(locked).every((name) => name === "" || locked[name].optional || name in installed);
}

async function install() {
  say("installing packages (npm ci) ...");
  const npm = startGroup("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const { code } = await npm.ended;
  if (code !== 0) throw new Problem("npm ci failed, see above.", code);
}

function isOldNode(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < MIN_NODE[0] || (major === MIN_NODE[0] && minor < MIN_NODE[1]);
}

/** Returns the environment for children: its PATH finds the project's own commands and Node.js first. */
export async function ensureInstalled() {
  const bin = path.join(ROOT, "node_modules", ".bin");
  const env = { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH ?? ""}` };
  const isCurrent = matchesLock(
    readPackages("package-lock.json"),
    readPackages("node_modules/.package-lock.json"),
  );
  if (!isCurrent) await install();
  const { stdout } = await run("node", ["-p", "process.versions.node"], { env });
  const version = stdout.trim();
  if (isOldNode(version)) {
    throw new Problem(
      `Node.js ${MIN_NODE.join(".")} or newer is needed, this is ${version || "none"}. ` +
        `There is no bundled one for ${process.platform}-${process.arch}: install it from https://nodejs.org.`,
    );
  }
  return env;
}

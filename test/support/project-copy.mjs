// A copy of the project in a temporary folder, for tests that run its commands as a person would.
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { startGroup } from "../../scripts/processes.mjs";
import { eachLine } from "../../scripts/terminal.mjs";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const LEFT_OUT = /^(\.git|\.wrangler|\.dev\.vars|dist|test|bench)$|(^|\/)node_modules$/;

/** node_modules in which `wrangler` is the stand-in of this folder. */
function installFakeWrangler(root) {
  const bin = path.join(root, "node_modules", ".bin");
  mkdirSync(bin, { recursive: true });
  const lock = "node_modules/.package-lock.json";
  cpSync(path.join(ROOT, lock), path.join(root, lock));
  symlinkSync(realpathSync(process.execPath), path.join(bin, "node"));
  cpSync(path.join(ROOT, "test/support/fake-wrangler.mjs"), path.join(bin, "wrangler"));
  chmodSync(path.join(bin, "wrangler"), 0o755);
}

export function tempFolder() {
  const folder = mkdtempSync(path.join(os.tmpdir(), "errand-e2e-"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }) };
}

export function copyProject({ fakeWrangler = false } = {}) {
  const { folder: root, remove } = tempFolder();
  const isWanted = (source) => !LEFT_OUT.test(path.relative(ROOT, source));
  cpSync(ROOT, root, { recursive: true, filter: isWanted });
  if (fakeWrangler) installFakeWrangler(root);
  else symlinkSync(path.join(ROOT, "node_modules"), path.join(root, "node_modules"));
  return { root, remove };
}

/** Starts a script of the project; `untilLine` waits for a line of its output. */
export function startScript(root, script, args, env = {}) {
  const child = startGroup("node", [path.join(root, "scripts", script), ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines = [];
  const waiting = new Set();
  for (const stream of [child.stdout, child.stderr]) {
    eachLine(stream, (line) => {
      lines.push(line);
      for (const check of waiting) check();
    });
  }
  const untilLine = (pattern) =>
    new Promise((resolve, reject) => {
      const check = () => {
        const line = lines.find((candidate) => pattern.test(candidate));
        if (line !== undefined) resolve(line);
      };
      waiting.add(check);
      check();
      child.ended.then(() => reject(new Error(`It ended without the line:\n${lines.join("\n")}`)));
    });
  const signal = (name) => child.kill(name);
  return { lines, untilLine, signal, ended: child.ended };
}

export const readText = (file) => (existsSync(file) ? readFileSync(file, "utf8") : undefined);
export const writeText = (file, text) => writeFileSync(file, text);
export const listFolder = (folder) => readdirSync(folder);

// npm run check: format and lint, types, tests, and the size of the bundle; stops at the first failure.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { ensureInstalled, ROOT } from "./install.mjs";
import { main, run } from "./processes.mjs";
import { dim, green, Problem, say } from "./terminal.mjs";

// Cloudflare allows 3 MB gzip on the free plan; a bundle that grows suddenly is a dependency that slipped in.
// Reading PDFs is 0.6 MB of it.
const BUDGET_RAW = 6_000_000;
const BUDGET_GZIP = 1_300_000;

/** Runs a command; its output is shown only when it fails. Returns the last line. */
async function succeed(command, args, env) {
  const { code, stdout, output } = await run(command, args, { cwd: ROOT, env });
  if (code !== 0) throw new Problem(`${command} ${args.join(" ")}\n${output.trim()}`, code);
  return stdout.trim().split("\n").at(-1);
}

/** Size of everything that is uploaded. */
function measure(folder) {
  let raw = 0;
  let gzip = 0;
  for (const name of readdirSync(folder, { recursive: true })) {
    const file = path.join(folder, name);
    if (!statSync(file).isFile() || /\.map$|README\.md$/.test(name)) continue;
    const content = readFileSync(file);
    raw += content.length;
    gzip += gzipSync(content).length;
  }
  return { raw, gzip };
}

async function checkBundle(env) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "errand-bundle-"));
  try {
    await succeed("wrangler", ["deploy", "--dry-run", "--outdir", folder], env);
    const { raw, gzip } = measure(folder);
    const kb = (bytes) => `${Math.round(bytes / 1000)} KB`;
    const sizes = `${kb(raw)} of ${kb(BUDGET_RAW)}, gzip ${kb(gzip)} of ${kb(BUDGET_GZIP)}`;
    if (raw > BUDGET_RAW || gzip > BUDGET_GZIP) throw new Problem(`The bundle is over its budget: ${sizes}.`);
    return sizes;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function check() {
  const env = { ...(await ensureInstalled()), WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true" };
  const steps = {
    lint: () => succeed("biome", ["check", "--colors=off", "."], env).then(() => ""),
    types: () => succeed("tsc", ["--noEmit"], env).then(() => ""),
    // With the types of a browser instead of the Worker's.
    client: () => succeed("tsc", ["--noEmit", "-p", "client"], env).then(() => ""),
    tests: () => succeed("node", [path.join(ROOT, "scripts", "test.mjs")], env),
    bundle: () => checkBundle(env),
  };
  for (const [name, step] of Object.entries(steps)) {
    const start = performance.now();
    const remark = await step();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    say(`${green("ok")} ${name.padEnd(7)} ${dim(`${seconds.padStart(5)} s`)}  ${remark}`.trimEnd());
  }
}

main(check);

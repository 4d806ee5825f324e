// The client as npm would deliver it, installed in an app of its own in a temporary folder.
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { unstable_startWorker } from "wrangler";
import { run, startGroup } from "../../scripts/processes.mjs";
import { tempFolder } from "./project-copy.mjs";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const BIN = path.join(ROOT, "node_modules", ".bin");
export const env = { ...process.env, PATH: `${BIN}${path.delimiter}${process.env.PATH ?? ""}` };

/** What the client depends on, and what an app with pages has besides. */
export const INSTALLED = [
  ...["eventsource-parser", "react", "react-dom", "@types/react", "@types/react-dom"],
  ...["ai", "@ai-sdk/react"],
];

const COMPILER = {
  target: "es2022",
  module: "nodenext",
  lib: ["es2022", "dom"],
  types: [],
  strict: true,
  outDir: "out",
};

async function succeed(cwd, command, args) {
  const { code, output, stdout } = await run(command, args, { cwd, env });
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}\n${output}`);
  return stdout;
}

/** As npm does with what `bin` of package.json names. */
function linkProgram(modules, manifest) {
  const bin = path.join(modules, ".bin");
  const program = path.join(modules, "errand", manifest.bin.errand);
  mkdirSync(bin);
  chmodSync(program, 0o755);
  symlinkSync(program, path.join(bin, "errand"));
  return path.join(bin, "errand");
}

/** Starts the program; what it has printed so far, and what it ends with. */
function startProgram(program, cwd, args, { variables = {}, input = "" } = {}) {
  const own = { ...env, ERRAND_URL: undefined, ERRAND_KEY: undefined, COLUMNS: undefined, ...variables };
  const child = startGroup(program, args, { cwd, env: own, stdio: ["pipe", "pipe", "pipe"] });
  const printed = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) {
    child[name].setEncoding("utf8").on("data", (text) => {
      printed[name] += text;
    });
  }
  child.stdin.on("error", () => {}); // it may end without reading
  child.stdin.end(input);
  const ended = child.ended.then(({ code, signal }) => ({ code, signal, ...printed }));
  return { printed, ended, interrupt: () => child.kill("SIGINT") };
}

/** What would not work for somebody who installs it: wrong `exports`, types that are not found. */
async function lint(tarball) {
  await succeed(ROOT, "publint", [tarball, "--strict"]);
  // Whoever calls `require` is told by Node.js itself: an ESM package has nothing else for them.
  await succeed(ROOT, "attw", [tarball, "--profile", "esm-only"]);
}

/** Starts it in workerd, asks it once, and ends it. */
async function askWorker(entrypoint, variables) {
  // Works without internet, tells nobody, and leaves nothing in the home directory.
  const quiet = { CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_SEND_METRICS: "false" };
  Object.assign(process.env, quiet, {
    WRANGLER_REGISTRY_PATH: path.join(path.dirname(entrypoint), "registry"),
  });
  const bindings = Object.entries(variables).map(([name, value]) => [name, { type: "plain_text", value }]);
  const worker = await unstable_startWorker({
    name: "app",
    entrypoint,
    compatibilityDate: "2026-10-01",
    bindings: Object.fromEntries(bindings),
    dev: { logLevel: "error", persist: false, inspector: false, watch: false, server: { port: 0 } },
  });
  try {
    return await (await worker.fetch("http://app/")).json();
  } finally {
    await worker.dispose();
  }
}

/** What is compiled: the app, a chat of it, and all that the README shows. */
function configure(app, readme) {
  const write = (folder, compilerOptions) => {
    const project = { compilerOptions: { ...COMPILER, ...compilerOptions }, include: ["*.ts", "*.tsx"] };
    writeFileSync(path.join(app, folder, "tsconfig.json"), JSON.stringify(project));
  };
  write(".", {});
  // The types of the AI SDK want those of Node.js.
  write("chat", { outDir: "../out/chat", skipLibCheck: true });
  write("readme", { noEmit: true, skipLibCheck: true, jsx: "react-jsx" });
  for (const [i, [, code]] of [...readme.matchAll(/^```tsx?\n([\s\S]*?)^```/gm)].entries())
    writeFileSync(path.join(app, "readme", `block-${i + 1}.tsx`), `${code}export {};\n`);
}

/**
 * Builds and packs a copy of `client/`, and unpacks it in `node_modules` of the folder, with links to what it needs. Returns the
 * tarball's name.
 */
export async function unpackClient(folder, linked) {
  const client = path.join(folder, "client");
  const modules = path.join(folder, "node_modules");
  cpSync(path.join(ROOT, "client"), client, { recursive: true, filter: (file) => !/\bdist\b/.test(file) });
  mkdirSync(path.join(modules, "errand"), { recursive: true });
  for (const name of linked) {
    mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
    symlinkSync(path.join(ROOT, "node_modules", name), path.join(modules, name));
  }
  await succeed(client, "npm", ["pack", "--pack-destination", folder]);
  const [tarball] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  await succeed(folder, "tar", ["-xzf", tarball, "-C", path.join(modules, "errand"), "--strip-components=1"]);
  return tarball;
}

/** The client, beside the app of test/e2e/client-app. */
export async function installClient() {
  const { folder, remove } = tempFolder();
  const app = path.join(folder, "app");
  const modules = path.join(folder, "node_modules");
  const tarball = await unpackClient(folder, INSTALLED);
  cpSync(path.join(ROOT, "test/e2e/client-app"), app, { recursive: true });
  const readme = readFileSync(path.join(modules, "errand", "README.md"), "utf8");
  configure(app, readme);
  writeFileSync(path.join(app, "package.json"), JSON.stringify({ type: "module" }));
  const manifest = JSON.parse(readFileSync(path.join(modules, "errand", "package.json"), "utf8"));
  const program = linkProgram(modules, manifest);
  return {
    remove,
    files: readdirSync(path.join(modules, "errand"), { recursive: true }).map(String),
    manifest,
    read: (name) => readFileSync(path.join(modules, "errand", name), "utf8"),
    errand: (args, options) => startProgram(program, app, args, options),
    lint: () => lint(path.join(folder, tarball)),
    compile: async () => {
      for (const project of [".", "chat", "readme"]) await succeed(app, "tsc", ["-p", project]);
    },
    start: (...args) => succeed(app, process.execPath, [path.join("out", "app.js"), ...args]),
    startPage: (name) => succeed(app, process.execPath, [path.join("out", name)]),
    askWorker: (variables) => askWorker(path.join(app, "out", "chat", "worker.js"), variables),
  };
}

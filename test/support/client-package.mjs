// The client as npm would deliver it, installed in an app of its own in a temporary folder.
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { run, startGroup } from "../../scripts/processes.mjs";
import { tempFolder } from "./project-copy.mjs";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const BIN = path.join(ROOT, "node_modules", ".bin");
const env = { ...process.env, PATH: `${BIN}${path.delimiter}${process.env.PATH ?? ""}` };

/** What the client depends on, and what an app with pages has besides. */
const INSTALLED = ["eventsource-parser", "react", "react-dom", "@types/react", "@types/react-dom"];

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

/** Builds and packs a copy of `client/`, and installs it beside the app of test/e2e/client-app. */
export async function installClient() {
  const { folder, remove } = tempFolder();
  const client = path.join(folder, "client");
  const app = path.join(folder, "app");
  const modules = path.join(folder, "node_modules");
  cpSync(path.join(ROOT, "client"), client, { recursive: true, filter: (file) => !/\bdist\b/.test(file) });
  cpSync(path.join(ROOT, "test/e2e/client-app"), app, { recursive: true });
  mkdirSync(path.join(modules, "errand"), { recursive: true });
  mkdirSync(path.join(modules, "@types"));
  for (const name of INSTALLED) symlinkSync(path.join(ROOT, "node_modules", name), path.join(modules, name));
  await succeed(client, "npm", ["pack", "--pack-destination", folder]);
  const [tarball] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  await succeed(folder, "tar", ["-xzf", tarball, "-C", path.join(modules, "errand"), "--strip-components=1"]);
  writeFileSync(
    path.join(app, "tsconfig.json"),
    JSON.stringify({ compilerOptions: COMPILER, include: ["*.ts"] }),
  );
  writeFileSync(path.join(app, "package.json"), JSON.stringify({ type: "module" }));
  const manifest = JSON.parse(readFileSync(path.join(modules, "errand", "package.json"), "utf8"));
  const program = linkProgram(modules, manifest);
  return {
    remove,
    files: readdirSync(path.join(modules, "errand"), { recursive: true }).map(String),
    manifest,
    read: (name) => readFileSync(path.join(modules, "errand", name), "utf8"),
    errand: (args, options) => startProgram(program, app, args, options),
    compile: () => succeed(app, "tsc", ["-p", "."]),
    start: (...args) => succeed(app, process.execPath, [path.join("out", "app.js"), ...args]),
    startPage: () => succeed(app, process.execPath, [path.join("out", "page.js")]),
  };
}

// The examples, each as it is after `npm install`: in a temporary folder, with the packed client beside them.
import { cpSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { run, startGroup, stopGroup } from "../../scripts/processes.mjs";
import { eachLine, plain } from "../../scripts/terminal.mjs";
import { env, INSTALLED, unpackClient } from "./client-package.mjs";
import { tempFolder } from "./project-copy.mjs";

const EXAMPLES = fileURLToPath(new URL("../../examples", import.meta.url));
const BESIDES = ["vite", "@cloudflare/workers-types"];

/** Not what a person has installed and built there. */
const isOwn = (file) => !/[\\/](node_modules|dist|\.wrangler|\.dev\.vars)$/.test(file);

/** What a server says until it says where it listens; rejects if it ends before. */
function untilUrl(child) {
  return new Promise((resolve, reject) => {
    const lines = [];
    const hear = (line) => {
      lines.push(line);
      const [, url] = /(?:Ready on|Local:)\s+(http:\/\/[\w.]+:\d+)/.exec(plain(line)) ?? [];
      if (url) resolve(url);
    };
    eachLine(child.stdout, hear);
    eachLine(child.stderr, hear);
    child.ended.then(() => reject(new Error(`It ended without an address:\n${lines.join("\n")}`)));
  });
}

export async function installExamples() {
  const { folder, remove } = tempFolder();
  await unpackClient(folder, [...INSTALLED, ...BESIDES]);
  cpSync(EXAMPLES, path.join(folder, "examples"), { recursive: true, filter: isOwn });
  const folderOf = (name) => path.join(folder, "examples", name);
  const optionsOf = (name, variables) => ({ cwd: folderOf(name), env: { ...env, ...variables } });
  return {
    remove,
    folderOf,
    run: (name, command, args, variables) => run(command, args, optionsOf(name, variables)),
    async serve(name, command, args, variables) {
      const stdio = ["ignore", "pipe", "pipe"];
      const child = startGroup(command, args, { ...optionsOf(name, variables), stdio });
      return { url: await untilUrl(child), stop: () => stopGroup(child) };
    },
  };
}

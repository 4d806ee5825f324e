// npm run dev: runs the whole service on this machine, by default at http://127.0.0.1:8787.
import path from "node:path";
import { startDev } from "./dev-server.mjs";
import { createDevVars, describeModels } from "./dev-vars.mjs";
import { ROOT } from "./install.mjs";
import { main } from "./processes.mjs";
import { bold, dim, Problem, say } from "./terminal.mjs";

/** Takes out the options that the start itself needs; the rest is wrangler's. */
function parseArguments(list) {
  const options = {};
  const args = [];
  for (let i = 0; i < list.length; i++) {
    const [, name, value] = /^--(port|persist-to)(?:=(.*))?$/.exec(list[i]) ?? [];
    if (name) options[name] = value ?? list[++i];
    else args.push(list[i]);
  }
  const port = options.port === undefined ? undefined : Number(options.port);
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port < 65536)) {
    throw new Problem(`--port wants a number, not "${options.port}".`);
  }
  return { port, persistTo: options["persist-to"], args };
}

async function dev() {
  const options = parseArguments(process.argv.slice(2));
  const devVars = path.join(ROOT, ".dev.vars");
  if (createDevVars(devVars)) say("wrote .dev.vars with a new root key");
  const server = await startDev({ ...options, devVars, env: process.env });
  say(`${bold("ready")} ${server.url}`);
  say(`${bold("key")}   ${server.key}`);
  say(`${bold("model")} ${describeModels(server.variables)}`);
  say(dim("Ctrl-C stops it."));
  const { code } = await server.ended;
  throw new Problem(`wrangler dev ended by itself (exit code ${code}).`, code || 1);
}

main(dev, { signalExitCode: 0 });

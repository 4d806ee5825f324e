// Runs one command: finds it, gives it what it needs, and tells what went wrong.

import { Errand } from "../errand.ts";
import { checkAddress } from "./address.ts";
import { type Parsed, parse } from "./arguments.ts";
import { EXIT, type Host, WrongUsage } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { exitCodeOf, show, showJson } from "./failures.ts";
import { tellAll, tellCommand } from "./help.ts";
import { Screen, type Sink } from "./screen.ts";

export type World = Host & {
  env: Record<string, string | undefined>;
  out: Sink;
  err: Sink;
  readVersion(): Promise<string>;
  signal: AbortSignal;
};

/** The exit code. It never throws. */
export async function run(args: string[], world: World): Promise<number> {
  try {
    return await carryOut(parse(args, COMMANDS), world);
  } catch (error) {
    if (world.signal.aborted) return EXIT.interrupted;
    (args.includes("--json") ? showJson : show)(error, world.err);
    return exitCodeOf(error);
  }
}

async function carryOut(parsed: Parsed, world: World): Promise<number> {
  const { out, err, env, signal } = world;
  if (parsed.wants === "version") out.write(`${await world.readVersion()}\n`);
  if (parsed.wants === "help") {
    const { command } = parsed;
    const lines = command ? tellCommand(command, out.columns()) : tellAll(COMMANDS, out.columns());
    out.write(`${lines.join("\n")}\n`);
  }
  if (parsed.wants !== "run") return EXIT.fine;
  const { command, words, said } = parsed;
  const url = said.text("url") ?? (env.ERRAND_URL || null);
  const key = said.text("key") ?? (env.ERRAND_KEY || null);
  const screen = new Screen(out, err, said.flag("json"));
  return command.run({
    words,
    said,
    screen,
    host: world,
    url,
    key,
    connect: () => connect(url, key),
    signal,
  });
}

function connect(baseUrl: string | null, key: string | null): Errand {
  if (baseUrl === null)
    throw new WrongUsage("It is not known where Errand runs.", "Set ERRAND_URL, or give --url.");
  if (key === null) throw new WrongUsage("There is no key.", "Set ERRAND_KEY.");
  checkAddress(baseUrl);
  return new Errand({ baseUrl, key });
}

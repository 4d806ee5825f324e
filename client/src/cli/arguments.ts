// From the words of the shell to a command and its options.

import { parseArgs } from "node:util";
import { type Command, type Option, Said, WrongUsage } from "./command.ts";

export const SHARED: Record<string, Option> = {
  url: { type: "string", value: "<url>", says: "Where Errand runs. Better: the variable ERRAND_URL." },
  key: {
    type: "string",
    value: "<key>",
    says:
      "The key. Prefer the variable ERRAND_KEY: what stands on a command line ends up in the shell's history, " +
      "and other users of the machine can see it.",
  },
  json: { type: "boolean", says: "Print JSON: one value, or one a line for lists and watch." },
  help: { type: "boolean", says: "Show what the command does." },
};

export type Parsed =
  | { wants: "help"; command: Command | null }
  | { wants: "version" }
  | { wants: "run"; command: Command; words: string[]; said: Said };

export function parse(args: string[], commands: readonly Command[]): Parsed {
  const [name, ...behind] = readWords(args);
  if (args.includes("--version") && name === undefined) return { wants: "version" };
  if (name === undefined || name === "help") {
    const [topic] = behind;
    return { wants: "help", command: topic === undefined ? null : find(topic, commands) };
  }
  const command = find(name, commands);
  const { values, positionals } = readOptions(args, command);
  if (values.help) return { wants: "help", command };
  const words = positionals.slice(1);
  checkWords(words, command);
  return { wants: "run", command, words, said: new Said(values) };
}

/** Before the command is known only the shared options are. */
function readWords(args: string[]): string[] {
  return parseArgs({ args, options: SHARED, strict: false, allowPositionals: true }).positionals;
}

function find(name: string, commands: readonly Command[]): Command {
  const found = commands.find((command) => command.name === name);
  if (found) return found;
  const names = commands.map((command) => command.name).join(", ");
  throw new WrongUsage(`There is no command "${name}".`, `Use one of ${names}, or errand --help.`);
}

function readOptions(args: string[], command: Command) {
  const options = { ...command.options, ...SHARED };
  const todo = `See errand help ${command.name}.`;
  try {
    const read = parseArgs({ args, options, strict: true, allowPositionals: true });
    for (const [name, option] of Object.entries(command.options))
      checkChoice(name, option, read.values[name]);
    return read;
  } catch (error) {
    if (error instanceof WrongUsage) throw error;
    throw new WrongUsage(firstSentence(error), todo);
  }
}

/** What Node.js says behind it is about arguments that begin with a dash. */
function firstSentence(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return `${message.split(/\.(?:\s|$)|\n/)[0]}.`;
}

function checkChoice(name: string, { choices }: Option, value: unknown): void {
  const said = Array.isArray(value) ? value : value === undefined ? [] : [value];
  const wrong = said.find((one) => choices && !choices.includes(String(one)));
  if (wrong !== undefined) {
    throw new WrongUsage(`--${name} cannot be "${wrong}".`, `Use ${choices?.join(", ")}.`);
  }
}

function checkWords(words: string[], { name, usage, words: { least, most } }: Command): void {
  if (words.length >= least && words.length <= most) return;
  const extra = words[most];
  const what =
    extra === undefined
      ? `errand ${name} needs more than that.`
      : `"${extra}" is too much for errand ${name}.`;
  throw new WrongUsage(what, usage.map((one) => `errand ${name} ${one}`.trim()).join("\n"));
}

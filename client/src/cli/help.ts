// What `errand --help` and `errand help <command>` print.

import { SHARED } from "./arguments.ts";
import type { Command, Option } from "./command.ts";
import { pad, widthOf, wrap } from "./width.ts";

const EXIT_CODES: [string, string][] = [
  ["0", "fine"],
  ["1", "the command failed: the job has failed, is not found, …"],
  ["2", "wrong usage: nothing was sent"],
  ["3", "the service cannot be reached, or refuses the key"],
  ["130", "stopped by Ctrl-C"],
];

const VARIABLES: [string, string][] = [
  ["ERRAND_URL", "where Errand runs, such as https://errand.example.workers.dev"],
  ["ERRAND_KEY", "the key"],
  ["NO_COLOR", "no colours"],
];

const WIDEST = 100;

export function tellAll(commands: readonly Command[], columns: number): string[] {
  const width = Math.min(columns, WIDEST);
  const pairs = commands.map(({ name, summary }): [string, string] => [name, summary]);
  return [
    ...wrap("Usage: errand <command> [options]", width),
    ...section("Commands", pairs, width),
    ...section("Options of all commands", optionPairs(SHARED), width),
    ...section("Environment", VARIABLES, width),
    ...section("Exit codes", EXIT_CODES, width),
    "",
    ...wrap("errand help <command> tells more of one.", width),
  ];
}

export function tellCommand(
  { name, usage, summary, notes = [], options }: Command,
  columns: number,
): string[] {
  const width = Math.min(columns, WIDEST);
  const ways = usage.map((one, i) => `${i === 0 ? "Usage:" : "      "} errand ${name} ${one}`.trimEnd());
  return [
    ...ways.flatMap((way) => hang(way, width, 7)),
    "",
    ...[summary, ...notes].flatMap((note) => wrap(note, width)),
    ...(Object.keys(options).length === 0 ? [] : section("Options", optionPairs(options), width)),
    ...section("Options of all commands", optionPairs(SHARED), width),
  ];
}

function optionPairs(options: Record<string, Option>): [string, string][] {
  return Object.entries(options).map(([name, { value, says, choices }]) => [
    `--${name}${value ? ` ${value}` : ""}`,
    choices ? `${says} One of ${choices.join(", ")}.` : says,
  ]);
}

function section(title: string, pairs: [string, string][], width: number): string[] {
  const left = Math.max(...pairs.map(([name]) => widthOf(name)));
  const lines = pairs.flatMap(([name, text]) => {
    const right = width - left - 4;
    // Side by side is no help in a very narrow terminal.
    if (right < 20) return [...hang(`  ${name}`, width, 2), ...hang(`    ${text}`, width, 4)];
    return wrap(text, right).map((line, i) => `  ${pad(i === 0 ? name : "", left)}  ${line}`);
  });
  return ["", ...wrap(title, width), ...lines];
}

/** Further lines begin under the text of the first. */
function hang(text: string, width: number, indent: number): string[] {
  const start = " ".repeat(indent);
  const first = text.slice(0, indent);
  const lines = wrap(text.slice(indent).trimStart(), width - indent);
  return lines.map((line, i) => (i === 0 ? first : start) + line);
}

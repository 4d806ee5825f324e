// `errand doctor`: what is wrong between here and a finished job, and what to do about it.

import { type Command, EXIT, type Invocation } from "./command.ts";
import { CHECKS, type Finding, type Patient } from "./doctor-checks.ts";
import { exitCodeOf, tell } from "./failures.ts";
import type { Screen } from "./screen.ts";
import { clean, wrap } from "./width.ts";

export const doctor: Command = {
  name: "doctor",
  usage: ["[--run]"],
  summary: "Check the way to Errand and back, step by step; exit code 0 only if all is well.",
  options: {
    run: { type: "boolean", says: "Run a small job on the default model as well, which may cost something." },
  },
  words: { least: 0, most: 0 },
  run,
};

type Told = Finding & { check: string };

async function run(call: Invocation): Promise<number> {
  const { screen, signal } = call;
  const patient: Patient = { url: call.url, key: call.key, mayRun: call.said.flag("run"), signal };
  const told: Told[] = [];
  for (const [check, look] of Object.entries(CHECKS)) {
    const isStopped = told.some(({ state, isEnd }) => state === "wrong" && isEnd);
    const findings = isStopped ? [unchecked] : await look(patient).catch((error) => fromError(error, signal));
    for (const finding of findings) {
      told.push({ check, ...finding });
      if (!screen.isJson) screen.print(...draw({ check, ...finding }, screen));
    }
  }
  const wrong = told.find(({ state }) => state === "wrong");
  if (screen.isJson) screen.printJson({ ok: !wrong, checks: told.map(toJson) });
  return wrong ? (wrong.exitCode ?? EXIT.failed) : EXIT.fine;
}

const unchecked: Finding = { state: "unchecked", says: "not checked" };

function fromError(error: unknown, signal: AbortSignal): Finding[] {
  if (signal.aborted) throw error;
  const { what, todo } = tell(error);
  return [{ state: "wrong", says: what, todo, exitCode: exitCodeOf(error) }];
}

const MARKS = { well: ["ok", "green"], wrong: ["FAIL", "red"], unchecked: ["-", "dim"] } as const;
const LEFT = 16;

function draw({ check, state, says, todo }: Told, screen: Screen): string[] {
  const [mark, colour] = MARKS[state];
  const lines = wrap(clean(says), screen.width - LEFT);
  const advice = todo === undefined ? [] : wrap(clean(todo), screen.width - LEFT);
  const left = (i: number) =>
    i === 0 ? `${screen.paint(colour, mark.padEnd(6))}${check.padEnd(LEFT - 6)}` : " ".repeat(LEFT);
  return [
    ...lines.map((line, i) => left(i) + line),
    ...advice.map((line) => left(1) + screen.paint("yellow", line)),
  ];
}

function toJson({ check, state, says, todo }: Told) {
  return { check, state, says, todo: todo ?? null };
}

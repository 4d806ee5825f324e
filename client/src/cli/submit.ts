// `errand submit`: one job, and its output if it is waited for.

import { JobCancelledError, JobFailedError } from "../errors.ts";
import type { Job, Lane } from "../wire.ts";
import { type Command, EXIT, type Invocation } from "./command.ts";
import { readJobInput } from "./job-input.ts";
import { cleanLines } from "./width.ts";

const LANES: readonly Lane[] = ["interactive", "default", "bulk"];

export const submit: Command = {
  name: "submit",
  usage: ["<task> [options]", "<task> --wait [options]", "<task> - < input.json"],
  summary: "Submit a job; print its id and state, or with --wait its output.",
  notes: [
    "With --wait a text is printed as it is and any other output as JSON. Ctrl-C ends the waiting, not the job.",
  ],
  options: {
    prompt: { type: "string", value: "<text>", says: "The prompt, beside or instead of --input." },
    input: { type: "string", value: "<json>", says: "The input: JSON, @file, or - for stdin." },
    channel: { type: "string", value: "<name>", says: "Who listens: see errand watch --channel." },
    lane: { type: "string", value: "<lane>", choices: LANES, says: "Who goes first." },
    wait: { type: "boolean", says: "Wait for the end." },
  },
  words: { least: 1, most: 2 },
  run,
};

async function run(call: Invocation): Promise<number> {
  const { words, said, screen, signal } = call;
  const [task = "", source] = words;
  const input = await readJobInput(source, said, call.host);
  const errand = call.connect();
  const lane = said.text("lane") as Lane | undefined;
  const job = await errand.jobs.submit(task, input, { channel: said.text("channel"), lane, signal });
  if (said.flag("wait")) return waitFor(job, call);
  if (screen.isJson) screen.printJson(job);
  else screen.print(`${job.id} ${job.state}`);
  return EXIT.fine;
}

async function waitFor(job: Job, { connect, screen, signal }: Invocation): Promise<number> {
  screen.hint(`${job.id} ${job.state}`);
  try {
    const finished = await connect().jobs.wait(job.id, { signal });
    if (screen.isJson) screen.printJson(finished);
    else screen.print(toText(finished.output, screen.out.isTty));
    return EXIT.fine;
  } catch (error) {
    if (signal.aborted) screen.hint(`The job goes on: errand watch ${job.id}`);
    const hasEnded = error instanceof JobFailedError || error instanceof JobCancelledError;
    if (hasEnded && screen.isJson) screen.printJson(error.job);
    throw error;
  }
}

/** What a model has written may hold what moves a cursor: a terminal does not get that, a file does. */
function toText(output: unknown, isTty: boolean): string {
  const text = textOf(output) ?? JSON.stringify(output, null, 2);
  return isTty ? cleanLines(text) : text;
}

function textOf(output: unknown): string | null {
  if (typeof output === "string") return output;
  if (typeof output !== "object" || output === null) return null;
  const { text, json, tool_calls: calls } = output as Record<string, unknown>;
  return typeof text === "string" && json === undefined && calls === undefined ? text : null;
}

// `errand logs`: what has become of a job, try by try, and what it waits for.

import type { Attempt, Explanation, Job, Usage } from "../wire.ts";
import { type Command, EXIT, type Invocation } from "./command.ts";
import { tellCost } from "./cost.ts";
import { colourOf } from "./job-table.ts";
import { tellProgress } from "./progress-bar.ts";
import type { Colour, Screen } from "./screen.ts";
import { type Column, drawTable } from "./table.ts";
import { tellInstant, tellSpan } from "./time-words.ts";
import { clean, wrap } from "./width.ts";

export const logs: Command = {
  name: "logs",
  usage: ["<job id>"],
  summary: "Show the attempts of a job with their errors, usage and cost, and what it waits for.",
  options: {},
  words: { least: 1, most: 1 },
  run,
};

async function run({ words: [id = ""], connect, screen, signal }: Invocation): Promise<number> {
  const errand = connect();
  const job = await errand.jobs.get(id, { signal });
  const explanation = job.state === "pending" ? await errand.jobs.explain(id, { signal }) : null;
  if (screen.isJson) screen.printJson({ ...job, explanation });
  else screen.print(...draw(job, explanation, screen));
  return EXIT.fine;
}

function draw(job: Job, explanation: Explanation | null, screen: Screen): string[] {
  return [
    ...drawHead(job, screen),
    ...drawAttempts(job.attempts ?? [], screen),
    ...(explanation ? drawWait(explanation, screen) : []),
  ];
}

function drawHead(job: Job, screen: Screen): string[] {
  const facts: [string, string | null][] = [
    ["job", job.id],
    ["task", job.task],
    ["state", job.state],
    ["model", job.model],
    ["channel", job.channel],
    ["tags", job.tags.join(", ") || null],
    ["created", tellInstant(job.created_at)],
    ["started", job.started_at && tellInstant(job.started_at)],
    ["finished", job.finished_at && tellInstant(job.finished_at)],
    ["tries", `${job.attempt} of ${job.max_attempts}`],
    ["progress", job.progress && job.finished_at === null ? tellProgress(job.progress) : null],
    ["used", job.usage && tellUsage(job.usage)],
    ["cached", job.cached ? tellSaved(job.saved) : null],
    ["error", job.error && `${job.error.code}: ${job.error.message}`],
  ];
  const colours: Record<string, Colour> = { state: colourOf(job.state), error: "red" };
  return facts.flatMap(([name, fact]) =>
    fact === null ? [] : drawFact(name, fact, colours[name] ?? null, screen),
  );
}

const LEFT = 10;

function drawFact(name: string, fact: string, colour: Colour | null, screen: Screen): string[] {
  return wrap(clean(fact), screen.width - LEFT).map((line, i) => {
    const left = screen.paint("dim", (i === 0 ? name : "").padEnd(LEFT));
    return left + (colour ? screen.paint(colour, line) : line);
  });
}

const COLUMNS: Column<Attempt>[] = [
  { title: "TRY", cell: ({ attempt }) => String(attempt), align: "right" },
  { title: "STARTED", cell: ({ started_at }) => tellInstant(started_at).slice(11, 19), spare: 2 },
  { title: "TOOK", cell: ({ started_at, ended_at }) => tellSpan(started_at, ended_at), align: "right" },
  { title: "MODEL", cell: (attempt) => clean(modelOf(attempt)), least: 8, spare: 1 },
  { title: "IN", cell: ({ usage }) => String(usage.input_tokens), align: "right" },
  { title: "OUT", cell: ({ usage }) => String(usage.output_tokens), align: "right" },
  { title: "COST", cell: ({ usage }) => tellCost(usage.cost_usd), align: "right" },
];

/** Under each line its error, which must not be cut off. */
function drawAttempts(attempts: Attempt[], screen: Screen): string[] {
  if (attempts.length === 0) return [];
  const [head = "", ...lines] = drawTable(COLUMNS, attempts, screen.width);
  const told = lines.flatMap((line, i) => [line, ...drawError(attempts[i], screen)]);
  return ["", screen.paint("dim", head), ...told];
}

function drawError(attempt: Attempt | undefined, screen: Screen): string[] {
  if (!attempt?.error) return [];
  const { code, message } = attempt.error;
  return wrap(clean(`${code}: ${message}`), screen.width - 5).map(
    (line) => `     ${screen.paint("red", line)}`,
  );
}

function drawWait({ message, position, eta }: Explanation, screen: Screen): string[] {
  const parts = [message];
  if (position !== null) parts.push(`Place in line: ${position}.`);
  if (eta) parts.push(`Starts between ${tellInstant(eta.earliest)} and ${tellInstant(eta.latest)}.`);
  return ["", ...drawFact("waits", parts.join(" "), "yellow", screen)];
}

function modelOf({ model, key }: Attempt): string {
  return `${model ?? "-"}${key ? ` (${key})` : ""}`;
}

/** The saved call may have used nothing: that of a task without a model. */
function tellSaved(saved: Job["saved"]): string {
  if (!saved) return "yes";
  return `yes, without ${saved.input_tokens} tokens in, ${saved.output_tokens} out, ${tellCost(saved.cost_usd)}`;
}

function tellUsage({ input_tokens, output_tokens, cost_usd, estimated }: Usage): string {
  const tokens = `${input_tokens} tokens in, ${output_tokens} out, ${tellCost(cost_usd)}`;
  return estimated ? `${tokens} (a guess: the provider sent no count)` : tokens;
}

// Watched jobs as a table, and as single lines where nothing can be drawn over.

import { isFinal, type JobState } from "../wire.ts";
import type { Watched } from "./job-board.ts";
import { drawProgress, tellProgress } from "./progress-bar.ts";
import type { Colour } from "./screen.ts";
import { type Column, drawTable } from "./table.ts";
import { tellAge } from "./time-words.ts";
import { clean, cut, cutMiddle } from "./width.ts";

type Paint = (colour: Colour, text: string) => string;

const COLOURS: Record<JobState, Colour> = {
  pending: "yellow",
  running: "cyan",
  waiting: "yellow",
  completed: "green",
  failed: "red",
  cancelled: "dim",
};

export function colourOf(state: JobState): Colour {
  return COLOURS[state];
}

export function drawJobs(
  jobs: readonly Watched[],
  { width, rows, now, paint }: { width: number; rows: number; now: number; paint: Paint },
): string[] {
  const room = Math.max(1, rows - 3);
  const shown = jobs.length > room ? jobs.slice(0, room - 1) : jobs;
  const lines = drawTable(columnsAt(now, width, paint), shown, width, (text) => paint("dim", text));
  const left = jobs.length - shown.length;
  return left === 0 ? lines : [...lines, paint("dim", cut(`… and ${left} more`, width))];
}

/** Down to this width an id is whole, so that it can be copied. */
const WHOLE_IDS = 52;

function columnsAt(now: number, width: number, paint: Paint): Column<Watched>[] {
  return [
    { title: "JOB", cell: ({ id }) => id, least: width < WHOLE_IDS ? 12 : undefined, cut: cutMiddle },
    { title: "TASK", cell: ({ task }) => clean(task ?? ""), least: 6, spare: 2 },
    { title: "STATE", cell: tellState, least: 9, paint: (text, { state }) => paint(colourOf(state), text) },
    { title: "DONE", cell: ({ progress }, width) => drawProgress(progress, width), least: 4, spare: 1 },
    { title: "AGE", cell: (job) => ageOf(job, now), align: "right" },
    { title: "TRY", cell: ({ attempt }) => String(attempt), align: "right" },
    {
      title: "ERROR",
      cell: ({ error }) => error?.code ?? "",
      least: 8,
      spare: 3,
      paint: (text) => paint("red", text),
    },
  ];
}

/** Until its end, and no further. */
function ageOf({ created_at, finished_at }: Watched, now: number): string {
  const until = finished_at === null ? now : Date.parse(finished_at);
  return tellAge(until - Date.parse(created_at));
}

function tellState({ state, reason }: Watched): string {
  return reason === null || reason === "queued" ? state : `${state} (${reason})`;
}

/** One line for one change. */
export function tellChange(job: Watched): string {
  const { id, task, attempt, progress, error, state } = job;
  const parts = [id, clean(task ?? ""), tellState(job)];
  if (attempt > 1) parts.push(`try ${attempt}`);
  if (progress && !isFinal(state)) parts.push(tellProgress(progress));
  if (error) parts.push(`${error.code}: ${clean(error.message)}`);
  return parts.filter((part) => part !== "").join(" ");
}

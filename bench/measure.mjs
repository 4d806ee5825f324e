// Times, percentiles, tables and result lines: what every bench says in the same way.
import { appendFileSync, mkdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bold, dim, say } from "../scripts/terminal.mjs";

const RESULTS = fileURLToPath(new URL("./results", import.meta.url));
const QUIET_SHARE = 0.1;
const QUIET_WAIT_S = 20;

/** Milliseconds of CLOCK_MONOTONIC, which is the same in every process of the machine. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** How often the whole bench is to be repeated. */
export function readRuns() {
  const { values } = parseArgs({ options: { runs: { type: "string", default: "1" } }, strict: false });
  return Math.max(1, Number(values.runs));
}

export function percentile(values, share) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

const round = (value) => (typeof value === "number" ? Number(value.toPrecision(4)) : value);

function cpuTimes() {
  let idle = 0;
  let all = 0;
  for (const { times } of os.cpus()) {
    idle += times.idle;
    all += Object.values(times).reduce((sum, time) => sum + time, 0);
  }
  return { idle, all };
}

/**
 * Waits, within bounds, for a second in which the machine does next to nothing: while a bench waits, whatever
 * is busy is somebody else. Returns the share of the machine that others took in the last second looked at.
 */
export async function waitForQuiet() {
  for (let second = 1; ; second++) {
    const before = cpuTimes();
    await sleep(1_000);
    const after = cpuTimes();
    const busy = 1 - (after.idle - before.idle) / (after.all - before.all);
    if (busy < QUIET_SHARE || second >= QUIET_WAIT_S) return busy;
  }
}

/** Appends one measured row to the bench's file. */
export function record(bench, row) {
  mkdirSync(RESULTS, { recursive: true });
  const figures = Object.fromEntries(Object.entries(row).map(([name, value]) => [name, round(value)]));
  const line = { bench, at: new Date().toISOString(), node: process.versions.node, ...figures };
  appendFileSync(path.join(RESULTS, `${bench}.jsonl`), `${JSON.stringify(line)}\n`);
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2;
}

/** The median over the runs of one row, with the range where there are several. */
function cell(values) {
  if (typeof values[0] !== "number") return String(values[0] ?? "");
  const shown = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3))));
  const middle = shown(median(values));
  if (Math.min(...values) === Math.max(...values)) return middle;
  return `${middle} (${shown(Math.min(...values))}..${shown(Math.max(...values))})`;
}

/** Prints rows of figures; rows of the same name are runs of the same thing. */
export function printTable(title, rows, columns) {
  const names = [...new Set(rows.map((row) => row.row))];
  const body = names.map((name) => {
    const runs = rows.filter((row) => row.row === name);
    return [
      name,
      ...columns.map(([key]) => cell(runs.map((run) => run[key]).filter((one) => one !== undefined))),
    ];
  });
  const lines = [["", ...columns.map(([, label]) => label)], ...body];
  const widths = lines[0].map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  say(bold(title));
  for (const line of lines) {
    const text = line.map((one, i) => (i === 0 ? one.padEnd(widths[i]) : one.padStart(widths[i]))).join("  ");
    say(line === lines[0] ? dim(text) : text);
  }
  say("");
}

// The end of the demo: a table of what each job took, and whether all went as it should.
import { seconds } from "./demo-screen.mjs";
import { bold, dim, Problem } from "./terminal.mjs";

const ms = (from, to) => Date.parse(to) - Date.parse(from);
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
const duration = (number) => (number < 1000 ? `${Math.round(number)} ms` : seconds(number));

/** The finished jobs, with their attempts: a line of the table each, or one for a bulk. */
export async function loadJobs(client, entries) {
  const load = async ({ job, ids }) => {
    const jobs = [];
    for (const id of ids) jobs.push(await client.get(`/v1/jobs/${id}`));
    return { label: job.label, wanted: job, jobs };
  };
  return Promise.all(entries.map(load));
}

function measure(job) {
  const attempts = job.attempts ?? [];
  return {
    queued: Math.max(0, ms(job.created_at, attempts[0]?.started_at ?? job.created_at)),
    model: sum(attempts.map((attempt) => ms(attempt.started_at, attempt.ended_at))),
  };
}

function cost(jobs) {
  const known = jobs.map((job) => job.usage?.cost_usd ?? null);
  if (known.includes(null)) return "?";
  const usd = sum(known);
  return usd === 0 ? "$0" : `$${usd.toPrecision(2)}`;
}

function toRow({ label, jobs }) {
  const times = jobs.map(measure);
  const first = Math.min(...jobs.map((job) => Date.parse(job.created_at)));
  const last = Math.max(...jobs.map((job) => Date.parse(job.finished_at)));
  const tokens = sum(jobs.map(({ usage }) => (usage?.input_tokens ?? 0) + (usage?.output_tokens ?? 0)));
  return [
    label,
    duration(median(times.map((time) => time.queued))),
    duration(median(times.map((time) => time.model))),
    duration(last - first),
    String(sum(jobs.map((job) => job.attempt))),
    String(tokens),
    cost(jobs),
    (jobs[0].model ?? "").replace(/!.*/, ""),
  ];
}

const HEAD = ["job", "queued", "model", "total", "attempts", "tokens", "cost", "by"];

export function printSummary(screen, entries) {
  const rows = [HEAD, ...entries.map(toRow)];
  const widths = HEAD.map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const room = screen.textWidth - sum(widths.slice(0, -1)) - 2 * (HEAD.length - 1);
  rows.forEach(([label, ...rest], index) => {
    const by = shorten(rest.pop(), room);
    const numbers = rest.map((cell, i) => cell.padStart(widths[i + 1]));
    const line = [label.padEnd(widths[0]), ...numbers, by].join("  ");
    screen.print(index === 0 ? bold(line) : line);
  });
  screen.print(dim("model: all attempts together. Of the bulk, queued and model are medians."));
}

const shorten = (text, max) => (text.length <= max ? text : `${text.slice(0, max - 1)}…`);

/** Throws a Problem that names everything that is not as it should be. */
export function checkJobs(entries, text) {
  const problems = [];
  for (const { label, wanted, jobs } of entries) {
    for (const job of jobs.filter(({ state }) => state !== "completed")) {
      const { code, message } = job.error ?? { code: job.state, message: "" };
      problems.push(`${label} (${job.id}) is ${job.state}: ${code}. ${message}`);
    }
    const attempts = sum(jobs.map((job) => job.attempt));
    if (wanted.attempts && attempts !== wanted.attempts) {
      problems.push(`${label} took ${attempts} attempts, not ${wanted.attempts}.`);
    }
    if (wanted.body.stream && jobs[0].state === "completed" && jobs[0].output.text !== text) {
      problems.push(`${label}: the streamed text is not the text that was stored.`);
    }
  }
  if (problems.length > 0) throw new Problem(`Not everything went as it should.\n${problems.join("\n")}`);
}

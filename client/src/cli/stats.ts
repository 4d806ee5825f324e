// `errand stats`: what was used, and who waits for which limit.

import type { Pool, UsageGroup, UsageReport, UsageSums } from "../wire-service.ts";
import { type Command, EXIT, type Invocation } from "./command.ts";
import { tellCost } from "./cost.ts";
import type { Screen } from "./screen.ts";
import { type Column, drawTable } from "./table.ts";
import { clean, wrap } from "./width.ts";

const GROUPS = ["day", "task", "model", "provider", "key", "tag", "project"] as const;

export const stats: Command = {
  name: "stats",
  usage: ["[--from <day>] [--to <day>] [--by day,task]"],
  summary: "Show tokens and dollars by day and task, and the pools with those who wait.",
  options: {
    from: {
      type: "string",
      value: "<day>",
      says: "The first day (UTC), such as 2026-01-31. Default: this month's.",
    },
    to: { type: "string", value: "<day>", says: "The last day. Default: today." },
    by: {
      type: "string",
      value: "<names>",
      says: `Some of ${GROUPS.join(", ")}, with commas. Default: day,task.`,
    },
  },
  words: { least: 0, most: 0 },
  run,
};

async function run({ said, connect, screen, signal }: Invocation): Promise<number> {
  const errand = connect();
  const groupBy = (said.text("by") ?? "day,task").split(",");
  const query = { from: said.text("from"), to: said.text("to"), groupBy, signal };
  const [usage, pools] = await Promise.all([errand.usage.report(query), errand.pools.list({ signal })]);
  if (screen.isJson) screen.printJson({ usage, pools });
  else screen.print(...drawUsage(usage, groupBy, screen), "", ...drawPools(pools, screen));
  return EXIT.fine;
}

type Line = { names: string[]; sums: UsageSums };

function drawUsage(report: UsageReport, groups: string[], screen: Screen): string[] {
  if (report.data.length === 0) return wrap("No usage in these days.", screen.width);
  const lines: Line[] = report.data.map((group) => ({
    names: groups.map((name) => nameOf(group, name)),
    sums: group,
  }));
  lines.push({ names: groups.map((_, i) => (i === 0 ? "total" : "")), sums: report.total });
  const [head = "", ...rows] = drawTable(usageColumns(groups), lines, screen.width);
  const more = report.has_more ? [screen.paint("dim", "… and more: choose fewer days")] : [];
  return [screen.paint("dim", head), ...rows.slice(0, -1), screen.paint("bold", rows.at(-1) ?? ""), ...more];
}

function nameOf(group: UsageGroup, name: string): string {
  const value = group[name as keyof UsageGroup];
  return clean(value === null || value === undefined ? "-" : String(value));
}

function usageColumns(groups: string[]): Column<Line>[] {
  const named = groups.map((name, i): Column<Line> => {
    return { title: name.toUpperCase(), cell: ({ names }) => names[i] ?? "", least: 8 };
  });
  const counted = (title: string, field: keyof UsageSums, spare?: number): Column<Line> => {
    return { title, cell: ({ sums }) => tellCount(sums[field]), align: "right", spare };
  };
  return [
    ...named,
    counted("RUNS", "runs"),
    counted("IN", "input_tokens"),
    counted("CACHED", "cached_tokens", 1),
    counted("OUT", "output_tokens"),
    counted("HITS", "cache_hits", 2),
    { title: "COST", cell: ({ sums }) => tellSum(sums), align: "right" },
  ];
}

function tellSum({ cost_usd, unpriced_runs, runs }: UsageSums): string {
  return runs > 0 && runs === unpriced_runs ? "no price" : tellCost(cost_usd);
}

function drawPools(pools: Pool[], screen: Screen): string[] {
  if (pools.length === 0) return wrap("No limited pools.", screen.width);
  const [head = "", ...rows] = drawTable(POOLS, pools, screen.width);
  const waiting = pools.flatMap((pool) => pool.waiting.map((one) => ({ ...one, pool: pool.id })));
  return [screen.paint("dim", head), ...rows, "", ...drawWaiting(waiting, screen)];
}

const POOLS: Column<Pool>[] = [
  { title: "POOL", cell: ({ id }) => clean(id), least: 12 },
  { title: "STATE", cell: tellPool, least: 6 },
  { title: "REQ/MIN", cell: (pool) => tellUse(pool, "requests"), align: "right" },
  { title: "TOKENS/MIN", cell: (pool) => tellUse(pool, "tokens"), align: "right", spare: 1 },
  { title: "RUN", cell: ({ in_flight }) => String(in_flight), align: "right", spare: 2 },
  { title: "WAIT", cell: ({ waiting }) => tellCount(sum(waiting.map(({ jobs }) => jobs))), align: "right" },
];

function tellPool({ paused, circuit, backing_off_until }: Pool): string {
  if (paused) return "paused";
  if (circuit.state !== "closed") return `provider down (${circuit.state.replace("_", " ")})`;
  return backing_off_until === null ? "ok" : "backing off";
}

function tellUse(pool: Pool, what: "requests" | "tokens"): string {
  const limit = pool.limits.in_force[what];
  return `${tellCount(pool.used_last_minute[what])}${limit === null ? "" : `/${tellCount(limit)}`}`;
}

type Waiting = Pool["waiting"][number] & { pool: string };

function drawWaiting(waiting: Waiting[], screen: Screen): string[] {
  if (waiting.length === 0) return wrap("Nobody waits.", screen.width);
  const [head = "", ...rows] = drawTable(WAITING, waiting, screen.width);
  return [screen.paint("dim", head), ...rows];
}

const WAITING: Column<Waiting>[] = [
  { title: "WAITS FOR", cell: ({ pool }) => clean(pool), least: 12 },
  { title: "PROJECT", cell: ({ project }) => clean(project), least: 8 },
  { title: "LANE", cell: ({ lane }) => lane },
  { title: "JOBS", cell: ({ jobs }) => tellCount(jobs), align: "right" },
];

function sum(numbers: number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function tellCount(count: number): string {
  return Math.round(count).toLocaleString("en");
}

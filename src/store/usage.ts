// Usage as reports show it: the days of the ledger added up, and the single lines of one job.

import type { Price } from "../core/usage";
import type { GroupNames, LedgerLine, Sums, UsageGroup } from "../core/usage-report";
import { ask, fromJson } from "./db";

export type UsageSums = Sums & { names: GroupNames };

type SumRow = {
  runs: number;
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  reasoning_tokens: number;
  cost_nano_usd: number;
  unpriced_runs: number;
  estimated_runs: number;
  cache_hits: number;
  saved_input_tokens: number;
  saved_output_tokens: number;
  saved_nano_usd: number;
};

const COUNTERS = [
  ...["runs", "input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "cost_nano_usd"],
  ...[
    "unpriced_runs",
    "estimated_runs",
    "cache_hits",
    "saved_input_tokens",
    "saved_output_tokens",
    "saved_nano_usd",
  ],
];
const SUMS = COUNTERS.map((column) => `COALESCE(SUM(u.${column}), 0) AS ${column}`).join(", ");

/** What a model's name begins with; '' for none. */
const PROVIDER = "substr(u.model, 1, MAX(0, instr(u.model, '/') - 1))";

const COLUMN_OF: Record<UsageGroup, string> = {
  day: "u.day",
  task: "u.task",
  model: "u.model",
  provider: PROVIDER,
  key: "u.key_id",
  tag: "u.tag",
  project: "u.project_id",
};

/** At least one group. The page begins after the one with these names; null: at the first. */
export type UsageQuery = { days: string[]; groups: UsageGroup[]; limit: number; after: GroupNames | null };

/**
 * Of one project, or of all when `projectId` is null: which only the root key may ask. In the order of the names. `total` is
 * of all groups, and without tags, so that nothing counts twice. The days are named one by one, so that the lines of tags
 * between them are not looked at.
 */
export async function sumUsage(
  db: D1Database,
  projectId: string | null,
  { days, groups, limit, after }: UsageQuery,
): Promise<{ sums: UsageSums[]; total: Sums }> {
  const columns = groups.map((group) => COLUMN_OF[group]);
  const from = `FROM projects CROSS JOIN usage_days AS u
    WHERE (?1 IS NULL OR projects.id = ?1) AND u.project_id = projects.id AND u.day IN (SELECT value FROM json_each(?2))`;
  const by = columns.join(", ");
  const next = after ? `AND (${by}) > (${after.map((_, i) => `?${i + 3}`)})` : "";
  const tagged = groups.includes("tag") ? "u.tag > ''" : "u.tag = ''";
  const page = `SELECT json_array(${by}) AS names, ${SUMS} ${from} AND ${tagged} ${next}
    GROUP BY ${by} ORDER BY ${by} LIMIT ${limit}`;
  const total = `SELECT '[]' AS names, ${SUMS} ${from} AND u.tag = ''`;
  const binds = [projectId, JSON.stringify(days)];
  const [found, all] = await ask(
    db.batch<SumRow & { names: string }>([
      db.prepare(page).bind(...binds, ...(after ?? [])),
      db.prepare(total).bind(...binds),
    ]),
  );
  const rows = found?.results ?? [];
  const [whole] = all?.results ?? [];
  if (!whole) throw new Error("a sum that returned nothing");
  return {
    sums: rows.map((row) => ({ ...toSums(row), names: fromJson<string[]>(row.names) ?? [] })),
    total: toSums(whole),
  };
}

type LineRow = Pick<SumRow, "input_tokens" | "output_tokens" | "cached_tokens" | "reasoning_tokens"> & {
  run: number;
  at: number;
  task: string;
  model: string | null;
  key_id: string | null;
  price: string | null;
  lost: number;
  cost_nano_usd: number | null;
  estimated: number;
};

/** A line is that of a run, and what is saved has none. */
const NOTHING_SAVED = { cache_hits: 0, saved_input_tokens: 0, saved_output_tokens: 0, saved_nano_usd: 0 };

/** What each run of a job has used, in their order. Also of one that was erased: it was paid for. */
export async function listLedger(db: D1Database, projectId: string, jobId: string): Promise<LedgerLine[]> {
  const sql = `SELECT run, at, task, model, key_id, price, lost, input_tokens, output_tokens, cached_tokens,
      reasoning_tokens, cost_nano_usd, estimated FROM ledger WHERE project_id = ?1 AND job_id = ?2 ORDER BY run`;
  const { results } = await ask(db.prepare(sql).bind(projectId, jobId).all<LineRow>());
  return results.map((row) => ({
    ...toSums({
      ...row,
      runs: 1,
      cost_nano_usd: row.cost_nano_usd ?? 0,
      unpriced_runs: row.cost_nano_usd === null ? 1 : 0,
      estimated_runs: row.estimated,
      ...NOTHING_SAVED,
    }),
    run: row.run,
    at: row.at,
    task: row.task,
    model: row.model,
    keyId: row.key_id,
    price: fromJson<Price>(row.price),
    lost: row.lost === 1,
  }));
}

function toSums(row: SumRow): Sums {
  return {
    runs: row.runs,
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    cachedTokens: row.cached_tokens,
    reasoningTokens: row.reasoning_tokens,
    costNanoUsd: row.cost_nano_usd,
    unpricedRuns: row.unpriced_runs,
    estimatedRuns: row.estimated_runs,
    cacheHits: row.cache_hits,
    savedInputTokens: row.saved_input_tokens,
    savedOutputTokens: row.saved_output_tokens,
    savedNanoUsd: row.saved_nano_usd,
  };
}

// What runs have used before, for estimates.

import { ask, type JobKey } from "./db";

/** Fewer runs than these say little. */
const ENOUGH_RUNS = 10;

/** Output tokens of a run of the task, on average over the last 30 days, by model; models with too few runs are left out. */
export async function usualOutputTokens(
  db: D1Database,
  projectId: JobKey["projectId"],
  task: string,
  models: string[],
): Promise<Map<string, number>> {
  const sql = `SELECT model, SUM(output_tokens) * 1.0 / SUM(runs) AS tokens FROM usage_days
    WHERE project_id = ?1 AND day >= date('now', '-30 days') AND tag = '' AND task = ?2
      AND model IN (SELECT value FROM json_each(?3))
    GROUP BY model HAVING SUM(runs) >= ${ENOUGH_RUNS}`;
  const query = db.prepare(sql).bind(projectId, task, JSON.stringify(models));
  const { results } = await ask(query.all<{ model: string; tokens: number }>());
  return new Map(results.map(({ model, tokens }) => [model, Math.round(tokens)]));
}

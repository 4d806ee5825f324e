// What keeps jobs that are due from starting: a pause, a concurrency key, a budget. Gates are asked elsewhere.

import { findUsedUp, type UsedUp } from "../core/budget";
import { BUDGET_COLUMNS, type BudgetRow, toBudget } from "./budgets";
import { RUNNING_WITH_KEY } from "./concurrency";
import { ask, type JobKey, pairs } from "./db";
import { PAUSES_JOB } from "./pauses";
import { DUE } from "./startable";

/** A job may have several. `scope` and `name` are those of the pause. `onBudget`: what the job wants to be done. */
export type Block = JobKey &
  (
    | { by: "paused"; scope: string; name: string }
    | { by: "concurrency"; key: string; limit: number; running: number }
    | ({ by: "budget"; task: string; onBudget: "wait" | "fail" } & UsedUp)
  );

type Row = {
  project_id: string;
  id: string;
  task: string;
  on_budget: "fail" | null;
  by: Block["by"];
  /** JSON. */
  detail: string;
};

/** One query. Of those of the jobs that are pending and due, each with everything that is in its way. */
export async function findBlocks(db: D1Database, keys: JobKey[]): Promise<Block[]> {
  const sql = `WITH due AS MATERIALIZED (SELECT project_id, id, task, model, pool, concurrency_key, concurrency_limit, key_id,
        on_budget FROM jobs WHERE (project_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?1)) AND ${DUE}),
      used AS MATERIALIZED (SELECT ${BUDGET_COLUMNS} FROM budgets AS b WHERE b.project_id IN (SELECT project_id FROM due))
    SELECT jobs.project_id, jobs.id, jobs.task, jobs.on_budget, 'paused' AS by,
      json_object('scope', p.scope, 'name', p.name) AS detail
      FROM due AS jobs JOIN pauses AS p ON ${PAUSES_JOB}
    UNION ALL
    SELECT project_id, id, task, on_budget, 'concurrency',
      json_object('key', concurrency_key, 'limit', concurrency_limit, 'running', running)
      FROM (SELECT *, ${RUNNING_WITH_KEY} AS running FROM due AS jobs WHERE concurrency_key IS NOT NULL)
      WHERE running >= concurrency_limit
    UNION ALL
    SELECT jobs.project_id, jobs.id, jobs.task, jobs.on_budget, 'budget', json_object(${USED_AS_JSON})
      FROM due AS jobs JOIN used ON used.project_id = jobs.project_id AND used.key_id IN ('', jobs.key_id)
    ORDER BY project_id, id, by`;
  const { results } = await ask(db.prepare(sql).bind(pairs(keys)).all<Row>());
  return results.flatMap(toBlocks);
}

const USED_AS_JSON = [
  ...["project_id", "key_id", "jobs_per_minute", "tokens_per_day", "nano_usd_per_day", "nano_usd_per_month"],
  ...["tokens_today", "nano_usd_today", "nano_usd_this_month", "reserved_tokens", "reserved_nano_usd"],
  ...["day_end", "month_end"],
]
  .map((column) => `'${column}', used.${column}`)
  .join(", ");

function toBlocks(row: Row): Block[] {
  const key = { projectId: row.project_id, id: row.id };
  const detail: unknown = JSON.parse(row.detail);
  // What this query has put together itself.
  if (row.by === "paused") return [{ ...key, by: "paused", ...(detail as { scope: string; name: string }) }];
  if (row.by === "concurrency") {
    return [{ ...key, by: "concurrency", ...(detail as { key: string; limit: number; running: number }) }];
  }
  const about = { by: "budget" as const, task: row.task, onBudget: row.on_budget ?? ("wait" as const) };
  return findUsedUp(toBudget(detail as BudgetRow)).map((usedUp) => ({ ...key, ...about, ...usedUp }));
}

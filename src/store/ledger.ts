// The ledger: what each run has used, once per (job, run), whether its job got it or not.

import type { Price, Usage } from "../core/usage";
import { ask, type JobKey, NOW, toJson } from "./db";

/** What a run has used. `run` is the one that did, not always the one that writes it (see engine/unsettled.ts). */
export type Used = {
  run: number;
  task: string;
  model: string | null;
  /** The API key that submitted the job; null: the root key. */
  keyId: string | null;
  /** What it was charged by; null: the model has none, or is no longer listed. */
  price: Price | null;
  usage: Usage;
};

const COLUMNS = `project_id, job_id, run, at, task, model, input_tokens, output_tokens, cached_tokens, reasoning_tokens,
  cost_nano_usd, estimated, key_id, price, lost`;

/**
 * To be put behind a settling UPDATE in its transaction. `lost` unless the job has been moved on by this very run, which is
 * how it stands after the UPDATE, and also when that is repeated because its answer had got lost. (A dead run that the
 * clock has ended has no claim any more.)
 */
export function writeUsed(db: D1Database, key: JobKey & { run: number }, used: Used): D1PreparedStatement {
  const settled = `EXISTS (SELECT 1 FROM jobs
    WHERE project_id = ?1 AND id = ?2 AND run = ?14 AND state <> 'running' AND claim_id IS NOT NULL)`;
  const sql = `INSERT INTO ledger (${COLUMNS})
    VALUES (?1, ?2, ?3, ${NOW}, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, NOT ${settled})
    ON CONFLICT DO UPDATE SET lost = 0 WHERE excluded.lost = 0`;
  return db.prepare(sql).bind(...binds(key, used), key.run);
}

/** The run has lost its job: what it used was paid for all the same. */
export async function writeLost(db: D1Database, key: JobKey, used: Used): Promise<void> {
  const sql = `INSERT INTO ledger (${COLUMNS})
    VALUES (?1, ?2, ?3, ${NOW}, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 1) ON CONFLICT DO NOTHING`;
  await ask(
    db
      .prepare(sql)
      .bind(...binds(key, used))
      .run(),
  );
}

function binds(key: JobKey, { run, task, model, keyId, price, usage }: Used): unknown[] {
  const cost = usage.cost_usd === null ? null : Math.round(usage.cost_usd * 1e9);
  return [
    ...[key.projectId, key.id, run, task, model],
    ...[usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens],
    ...[cost, usage.estimated ? 1 : 0, keyId, toJson(price)],
  ];
}

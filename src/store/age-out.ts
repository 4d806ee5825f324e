// What is forgotten by its age alone.

import { jobIdAt } from "../core/ids";
import { ask, NOW } from "./db";

const DAY_MS = 86_400_000;

/** The key of a bulk submit belongs to no single job, so it does not go with one. */
const BULK_KEY_MS = 7 * DAY_MS;

/** Long enough to compare with the same month of last year. */
export const LEDGER_DAYS = 400;
const LEDGER_MS = LEDGER_DAYS * DAY_MS;

const OPERATION_MS = 30 * DAY_MS;

/** Rows one call deletes of a table that may have many. */
const SLICE = 1_000;

export async function dropBulkKeys(db: D1Database): Promise<void> {
  const sql = `DELETE FROM idempotency_keys WHERE job_ids IS NOT NULL AND created_at < ${NOW} - ${BULK_KEY_MS}`;
  await ask(db.prepare(sql).run());
}

/** Lines lie in the order of their jobs, which is that of their time. */
export async function dropLedger(db: D1Database, nowMs: number): Promise<void> {
  const sql = `DELETE FROM ledger WHERE (project_id, job_id, run) IN (
    SELECT l.project_id, l.job_id, l.run FROM projects JOIN ledger l ON l.project_id = projects.id AND l.job_id < ?1 LIMIT ${SLICE})`;
  await ask(
    db
      .prepare(sql)
      .bind(jobIdAt(nowMs - LEDGER_MS))
      .run(),
  );
}

/** Days of usage go with the lines that they add up. */
export async function dropUsageDays(db: D1Database, nowMs: number): Promise<void> {
  const sql = `DELETE FROM usage_days WHERE (project_id, day, tag, task, model, key_id) IN (
    SELECT u.project_id, u.day, u.tag, u.task, u.model, u.key_id
    FROM projects JOIN usage_days u ON u.project_id = projects.id AND u.day < ?1 LIMIT ${SLICE})`;
  await ask(
    db
      .prepare(sql)
      .bind(new Date(nowMs - LEDGER_MS).toISOString().slice(0, 10))
      .run(),
  );
}

export async function dropOperations(db: D1Database): Promise<void> {
  await ask(db.prepare(`DELETE FROM operations WHERE finished_at < ${NOW} - ${OPERATION_MS}`).run());
}

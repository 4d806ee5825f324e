// Operations on many jobs: what is left to do of each, so that any isolate can go on with it.

import type { Action, JobFilter, Operation } from "../core/operation";
import { ask, NOW } from "./db";

type Row = {
  project_id: string;
  id: string;
  action: Action;
  target: string;
  filter: string;
  rate: number | null;
  position: string | null;
  changed: number;
  created_at: number;
  finished_at: number | null;
  read_at: number;
};

const COLUMNS = `project_id, id, action, target, filter, rate, position, changed, created_at, finished_at,
  ${NOW} AS read_at`;

/** How long whoever works on one is left alone before the clock goes on with it. */
const HELD_MS = 30_000;

/** What starts one; the rest follows. */
export type NewOperation = Pick<Operation, "projectId" | "id" | "action" | "target" | "filter" | "rate">;

/** Repeatable: the same id is one operation. Of its answer, `createdOperation` reads the operation. */
export function insertOperation(db: D1Database, op: NewOperation): D1PreparedStatement {
  const sql = `INSERT INTO operations (project_id, id, action, target, filter, rate, changed, created_at, wake_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ${NOW}, ${NOW} + ${HELD_MS})
    ON CONFLICT DO UPDATE SET wake_at = wake_at RETURNING ${COLUMNS}`;
  return db.prepare(sql).bind(op.projectId, op.id, op.action, op.target, JSON.stringify(op.filter), op.rate);
}

export async function createOperation(db: D1Database, op: NewOperation): Promise<Operation> {
  return createdOperation(await ask(insertOperation(db, op).all()));
}

export function createdOperation(answer: D1Result | undefined): Operation {
  const [row] = (answer?.results ?? []) as Row[];
  if (!row) throw new Error("an INSERT that returned nothing");
  return toOperation(row);
}

/** What a slice has done. `wakeInMs`: when the clock must go on, unless whoever works on it does; null: nothing is left. */
export type SliceDone = { position: string | null; changed: number; wakeInMs: number | null };

export async function saveSlice(
  db: D1Database,
  { projectId, id }: Pick<Operation, "projectId" | "id">,
  { position, changed, wakeInMs }: SliceDone,
): Promise<Operation | null> {
  const sql = `UPDATE operations SET position = ?3, changed = changed + ?4, wake_at = ${NOW} + ?5,
      finished_at = CASE WHEN ?5 IS NULL THEN ${NOW} END
    WHERE project_id = ?1 AND id = ?2 AND finished_at IS NULL RETURNING ${COLUMNS}`;
  const row = await ask(db.prepare(sql).bind(projectId, id, position, changed, wakeInMs).first<Row>());
  return row && toOperation(row);
}

/** Those that nobody has worked on for a while, and holds them for the caller. */
export async function holdDueOperations(db: D1Database, limit: number): Promise<Operation[]> {
  const sql = `UPDATE operations SET wake_at = ${NOW} + ${HELD_MS}
    WHERE (project_id, id) IN (SELECT project_id, id FROM operations
      WHERE wake_at IS NOT NULL AND wake_at <= ${NOW} ORDER BY wake_at LIMIT ?1)
    RETURNING ${COLUMNS}`;
  const { results } = await ask(db.prepare(sql).bind(limit).all<Row>());
  return results.map(toOperation);
}

/** Milliseconds until the clock must go on with one; null: none is open. */
export async function untilNextOperationMs(db: D1Database): Promise<number | null> {
  const sql = `SELECT MIN(wake_at) - ${NOW} AS ms FROM operations WHERE wake_at IS NOT NULL`;
  const row = await ask(db.prepare(sql).first<{ ms: number | null }>());
  return row?.ms ?? null;
}

export async function getOperation(db: D1Database, projectId: string, id: string): Promise<Operation | null> {
  const sql = `SELECT ${COLUMNS} FROM operations WHERE project_id = ?1 AND id = ?2`;
  const row = await ask(db.prepare(sql).bind(projectId, id).first<Row>());
  return row && toOperation(row);
}

function toOperation(row: Row): Operation {
  return {
    projectId: row.project_id,
    id: row.id,
    action: row.action,
    target: row.target,
    filter: JSON.parse(row.filter) as JobFilter,
    rate: row.rate,
    position: row.position,
    changed: row.changed,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
    readAt: row.read_at,
  };
}

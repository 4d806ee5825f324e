// Projects: tenants, each with jobs and keys of its own.

import { AppError } from "../core/errors";
import { LIMITS } from "../core/limits";
import { ask, NOW } from "./db";

export type Project = {
  id: string;
  name: string;
  /** How long its ended jobs are kept; null: as long as the deployment says. */
  retentionMs: number | null;
  /** Its share of a limited pool's tokens. */
  weight: number;
  createdAt: number;
  deletedAt: number | null;
};

type ProjectRow = {
  id: string;
  name: string;
  retention_ms: number | null;
  weight: number | null;
  created_at: number;
  deleted_at: number | null;
};

const COLUMNS = "id, name, retention_ms, weight, created_at, deleted_at";

/** Tokens of a deleted project are good for so long. Until then its id is not used anew: they would let them in. */
const TOKENS_OUTLIVED_MS = LIMITS.tokenTtlS * 1_000;

/** Throws `project_exists`. */
export async function createProject(
  db: D1Database,
  id: string,
  { name, retentionMs, weight }: Pick<Project, "name" | "retentionMs" | "weight">,
): Promise<Project> {
  const sql = `INSERT INTO projects (id, name, retention_ms, weight, created_at) VALUES (?1, ?2, ?3, ?4, ${NOW})
    ON CONFLICT DO UPDATE SET name = ?2, retention_ms = ?3, weight = ?4, created_at = ${NOW}, deleted_at = NULL
      WHERE deleted_at < ${NOW} - ${TOKENS_OUTLIVED_MS}
        AND NOT EXISTS (SELECT 1 FROM operations WHERE target = ?1 AND finished_at IS NULL)
    RETURNING ${COLUMNS}`;
  const row = await ask(db.prepare(sql).bind(id, name, retentionMs, weight).first<ProjectRow>());
  if (row) return toProject(row);
  const old = await findProject(db, id);
  const message =
    old?.deletedAt == null
      ? undefined
      : "A project with this id was deleted less than an hour ago, or is still being erased.";
  throw new AppError("project_exists", { param: "id", message });
}

/** Changes what is given; a `retentionMs` of null is given too. Null: no such project. */
export async function updateProject(
  db: D1Database,
  id: string,
  { name, retentionMs, weight }: Partial<Pick<Project, "name" | "retentionMs" | "weight">>,
): Promise<Project | null> {
  const sql = `UPDATE projects SET name = COALESCE(?2, name), retention_ms = CASE WHEN ?3 THEN ?4 ELSE retention_ms END,
      weight = COALESCE(?5, weight)
    WHERE id = ?1 AND deleted_at IS NULL RETURNING ${COLUMNS}`;
  const binds = [id, name ?? null, retentionMs === undefined ? 0 : 1, retentionMs ?? null, weight ?? null];
  const row = await ask(
    db
      .prepare(sql)
      .bind(...binds)
      .first<ProjectRow>(),
  );
  return row && toProject(row);
}

/** Those that were not deleted. */
export async function listProjects(db: D1Database): Promise<Project[]> {
  const sql = `SELECT ${COLUMNS} FROM projects WHERE deleted_at IS NULL ORDER BY id`;
  const { results } = await ask(db.prepare(sql).all<ProjectRow>());
  return results.map(toProject);
}

/** Also one that was deleted. */
export async function findProject(db: D1Database, id: string): Promise<Project | null> {
  const sql = `SELECT ${COLUMNS} FROM projects WHERE id = ?1`;
  const row = await ask(db.prepare(sql).bind(id).first<ProjectRow>());
  return row && toProject(row);
}

/** The first project after this one, deleted or not; null: there is none. */
export async function nextProject(db: D1Database, after: string): Promise<Project | null> {
  const sql = `SELECT ${COLUMNS} FROM projects WHERE id > ?1 ORDER BY id LIMIT 1`;
  const row = await ask(db.prepare(sql).bind(after).first<ProjectRow>());
  return row && toProject(row);
}

/** From now on it takes no jobs, and its keys do not work. Repeatable. */
export async function markDeleted(db: D1Database, id: string): Promise<void> {
  await ask(
    db.batch([
      db.prepare(`UPDATE projects SET deleted_at = COALESCE(deleted_at, ${NOW}) WHERE id = ?1`).bind(id),
      db.prepare("DELETE FROM api_keys WHERE project_id = ?1").bind(id),
    ]),
  );
}

function toProject(row: ProjectRow): Project {
  return {
    id: row.id,
    name: row.name,
    retentionMs: row.retention_ms,
    weight: row.weight ?? 1,
    createdAt: row.created_at,
    deletedAt: row.deleted_at,
  };
}

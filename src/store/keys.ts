// API keys of projects.

import type { Scope } from "../core/scopes";
import { ask, NOW } from "./db";

/** A key without its secret; `hint` is its last four characters. */
export type ApiKey = {
  projectId: string;
  id: string;
  name: string | null;
  hint: string;
  scopes: Scope[];
  createdAt: number;
};

type KeyRow = {
  project_id: string;
  id: string;
  name: string | null;
  hint: string;
  scopes: string;
  created_at: number;
};

export async function createKey(
  db: D1Database,
  key: Omit<ApiKey, "createdAt">,
  hash: string,
): Promise<ApiKey | null> {
  const sql = `INSERT INTO api_keys (project_id, id, name, hash, hint, scopes, created_at)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ${NOW}
      WHERE EXISTS (SELECT 1 FROM projects WHERE id = ?1 AND deleted_at IS NULL)
    RETURNING project_id, id, name, hint, scopes, created_at`;
  const binds = [key.projectId, key.id, key.name, hash, key.hint, JSON.stringify(key.scopes)];
  const row = await ask(
    db
      .prepare(sql)
      .bind(...binds)
      .first<KeyRow>(),
  );
  return row ? toKey(row) : null;
}

export async function listKeys(db: D1Database, projectId: string): Promise<ApiKey[]> {
  const sql =
    "SELECT project_id, id, name, hint, scopes, created_at FROM api_keys WHERE project_id = ?1 ORDER BY id";
  const { results } = await ask(db.prepare(sql).bind(projectId).all<KeyRow>());
  return results.map(toKey);
}

/** False: there was no such key. */
export async function deleteKey(db: D1Database, projectId: string, id: string): Promise<boolean> {
  const sql = "DELETE FROM api_keys WHERE project_id = ?1 AND id = ?2 RETURNING id";
  return (await ask(db.prepare(sql).bind(projectId, id).first())) !== null;
}

/** The key with this hash, whoever's it is: the one query that starts without a project, because it finds it. */
export async function findKeyByHash(db: D1Database, hash: string): Promise<ApiKey | null> {
  const sql = "SELECT project_id, id, name, hint, scopes, created_at FROM api_keys WHERE hash = ?1";
  const row = await ask(db.prepare(sql).bind(hash).first<KeyRow>());
  return row ? toKey(row) : null;
}

function toKey(row: KeyRow): ApiKey {
  return {
    projectId: row.project_id,
    id: row.id,
    name: row.name,
    hint: row.hint,
    scopes: JSON.parse(row.scopes) as Scope[],
    createdAt: row.created_at,
  };
}

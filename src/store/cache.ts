// The entries of the cache: looked for, purged, and dropped when their time is over. Jobs write them (migrations/0006_cache.sql).

import { ask, NOW } from "./db";

/** Which entries: with one of the tags, and of the scope; what is left out does not matter. */
export type PurgeFilter = { tags?: string[]; scope?: string };

/** Entries that one call removes. */
const SLICE = 1_000;

/** Whether a job with this key would wait for no model now: there is an answer, or one is being made. */
export async function isKnown(db: D1Database, projectId: string, key: string): Promise<boolean> {
  const sql = `SELECT 1 FROM cache_entries WHERE project_id = ?1 AND key = ?2 AND (job_id IS NOT NULL OR drop_at > ${NOW})`;
  return (await ask(db.prepare(sql).bind(projectId, key).first())) !== null;
}

/**
 * Removes up to 1,000 answers; how many. Of an entry whose next answer is being made, who makes it stays known. Jobs keep
 * what they were answered.
 */
export async function purgeEntries(db: D1Database, projectId: string, filter: PurgeFilter): Promise<number> {
  const { tags, scope } = filter;
  const tagged = `key IN (SELECT key FROM cache_tags WHERE project_id = ?1 AND tag IN (SELECT value FROM json_each(?2)))`;
  const fits = `project_id = ?1 AND created_at IS NOT NULL AND ${tags ? tagged : "?2 IS NULL"}
    AND ${scope === undefined ? "?3 IS NULL" : "scope = ?3"}`;
  const binds = [projectId, tags ? JSON.stringify(tags) : null, scope ?? null];
  const blank = `UPDATE cache_entries SET created_at = NULL, expires_at = NULL, drop_at = NULL, tags = NULL, model = NULL,
    usage = NULL, output_bytes = NULL, output_key = NULL, output = NULL`;
  const [blanked, deleted] = await ask(
    db.batch(
      [
        `${blank} WHERE ${fits} AND job_id IS NOT NULL RETURNING key`,
        `DELETE FROM cache_entries WHERE project_id = ?1 AND job_id IS NULL
          AND key IN (SELECT key FROM cache_entries WHERE ${fits} AND job_id IS NULL LIMIT ${SLICE}) RETURNING key`,
      ].map((sql) => db.prepare(sql).bind(...binds)),
    ),
  );
  return (blanked?.results.length ?? 0) + (deleted?.results.length ?? 0);
}

/** Those whose time is over, of all projects, some at a time. */
export async function dropEntries(db: D1Database): Promise<void> {
  const sql = `DELETE FROM cache_entries WHERE job_id IS NULL AND (project_id, key) IN (
    SELECT project_id, key FROM cache_entries WHERE drop_at < ${NOW} AND job_id IS NULL ORDER BY drop_at LIMIT ${SLICE})`;
  await ask(db.prepare(sql).run());
}

/** Those of these objects that an entry or a job names. */
export async function findNamed(db: D1Database, keys: string[]): Promise<Set<string>> {
  const listed = "SELECT value FROM json_each(?1)";
  const sql = `SELECT output_key FROM jobs WHERE cache_key IS NOT NULL AND output_key IS NOT NULL AND output_key IN (${listed})
    UNION SELECT e.output_key FROM (SELECT value, substr(value, 1, instr(value, '/') - 1) AS project_id,
        substr(value, instr(value, '/cache/') + 7, 64) AS key FROM json_each(?1)) AS o
      JOIN cache_entries AS e ON e.project_id = o.project_id AND e.key = o.key AND e.output_key = o.value`;
  const { results } = await ask(db.prepare(sql).bind(JSON.stringify(keys)).all<{ output_key: string }>());
  return new Set(results.map((row) => row.output_key));
}

// What is left of a project when its jobs are gone: keys, budgets, ledger, idempotency keys, the cache, objects of lost runs.

import { ask } from "./db";
import { deleteObjects, listKeys, type Storage } from "./objects";

/** Whether it still has a job, be it an erased one. */
export async function hasJobs(db: D1Database, projectId: string): Promise<boolean> {
  const sql = "SELECT 1 FROM jobs WHERE project_id = ?1 LIMIT 1";
  return (await ask(db.prepare(sql).bind(projectId).first())) !== null;
}

const TABLES = [
  "api_keys",
  "job_tags",
  "idempotency_keys",
  "ledger",
  "usage_days",
  "budgets",
  "operations",
  "pauses",
  "files",
  "cache_entries",
  "cache_tags",
];

/** The project's own row stays, so that nothing is submitted to it and its id is not used anew too soon. */
export async function wipeProject(store: Storage & { db: D1Database }, projectId: string): Promise<void> {
  for (const prefix of [`${projectId}/`, `unsettled/${projectId}/`]) {
    let keys: string[];
    do {
      keys = await listKeys(store.bucket, prefix);
      await deleteObjects(store.bucket, keys);
    } while (keys.length > 0);
  }
  const { db } = store;
  const statements = TABLES.map((table) =>
    db.prepare(`DELETE FROM ${table} WHERE project_id = ?1`).bind(projectId),
  );
  await ask(db.batch(statements));
}

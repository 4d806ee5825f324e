// Whether the database has the tables this code was written for.

import { AppError } from "../core/errors";
import { ask, noteSize, tellFull } from "./db";

/** The newest file in migrations/; a rules test keeps the two together. */
export const NEWEST_MIGRATION = "0006_cache.sql";

/** Throws `not_migrated` until the newest migration has been applied. */
export async function checkMigrated(db: D1Database): Promise<void> {
  const sql = "SELECT 1 FROM d1_migrations WHERE name = ?1";
  const row = await ask(db.prepare(sql).bind(NEWEST_MIGRATION).first());
  if (!row) throw new AppError("not_migrated");
}

/** Throws when the database does not answer, or has no room for more jobs. */
export async function pingDatabase(db: D1Database): Promise<void> {
  noteSize(db, await ask(db.prepare("SELECT 1").all()));
  const full = tellFull(db);
  if (full) throw new AppError("storage_full", { message: full });
}

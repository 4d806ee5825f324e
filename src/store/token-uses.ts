// Counts the jobs that limited browser tokens have submitted.

import { ask, NOW } from "./db";

/** Takes `count` of the token's `max`. False: that many are not left, and none was taken. */
export async function takeTokenUses(
  db: D1Database,
  token: { id: string; maxJobs: number; expiresAt: number },
  count: number,
): Promise<boolean> {
  if (count > token.maxJobs) return false;
  const sql = `INSERT INTO token_uses (token_id, used, expires_at) VALUES (?1, ?2, ?3)
    ON CONFLICT (token_id) DO UPDATE SET used = used + ?2 WHERE used + ?2 <= ?4 RETURNING used`;
  const row = await ask(db.prepare(sql).bind(token.id, count, token.expiresAt, token.maxJobs).first());
  return row !== null;
}

/** Gives back what was taken for jobs that were not stored. */
export async function returnTokenUses(db: D1Database, tokenId: string, count: number): Promise<void> {
  const sql = "UPDATE token_uses SET used = MAX(0, used - ?2) WHERE token_id = ?1";
  await ask(db.prepare(sql).bind(tokenId, count).run());
}

/** Forgets tokens that have expired. */
export async function dropExpiredTokenUses(db: D1Database): Promise<void> {
  await ask(db.prepare(`DELETE FROM token_uses WHERE expires_at < ${NOW}`).run());
}

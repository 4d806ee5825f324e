// The way to D1: the database's own clock, and what its errors mean.

import { AppError } from "../core/errors";
import { within } from "./within";

/** Now in milliseconds, by the database's clock: the only one that all isolates share. */
export const NOW = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

/** Of a job that nobody has erased: the row of an erased one stays until its objects are gone and its run has ended. */
export const VISIBLE = `(erase_at IS NULL OR erase_at > ${NOW})`;

/** A project's id and a job's id: the key of every query on jobs. */
export type JobKey = { projectId: string; id: string };

/** The JSON list of pairs that `IN (SELECT value->>0, value->>1 FROM json_each(?))` takes: one parameter for any number. */
export function pairs(keys: JobKey[]): string {
  return JSON.stringify(keys.map((key) => [key.projectId, key.id]));
}

/** D1 gives a query up after 30 s; who waits for a submit should hear sooner that it does not answer. */
const PATIENCE_MS = 10_000;

/**
 * Runs a query; a failure of D1 itself, or no answer in time, comes out as `store_unavailable` or `not_migrated`. A write
 * may have been done all the same: whoever asks must be able to ask again.
 */
export async function ask<T>(query: Promise<T>): Promise<T> {
  try {
    return await within(PATIENCE_MS, query, () => new Error("D1 does not answer"));
  } catch (error) {
    throw meaning(error);
  }
}

function meaning(error: unknown): unknown {
  const text = error instanceof Error ? error.message : String(error);
  if (text.includes("idempotency_mismatch")) return new AppError("idempotency_mismatch");
  if (text.includes("no such table") || text.includes("no such column")) {
    return new AppError("not_migrated", { cause: error });
  }
  // A constraint or a syntax error is a bug of ours and stays one; all else is D1 being away (docs: debug-d1).
  if (/constraint|syntax error|datatype mismatch|too many SQL variables/i.test(text)) return error;
  return new AppError("store_unavailable", { retryAfterMs: 2_000, cause: error });
}

// The size of each database as D1 has told it last.
const sizes = new WeakMap<D1Database, number>();

/** D1 holds 10 GB and cannot be asked for more (platform limits, 2026-04). What is left is for jobs to end. */
const FULL_BYTES = 9_000_000_000;

/** How full the database is when it is too full for new jobs, as a sentence; null: it is not, as far as is known. */
export function tellFull(db: D1Database): string | null {
  const bytes = sizes.get(db) ?? 0;
  if (bytes <= FULL_BYTES) return null;
  return `The database holds ${(bytes / 1e9).toFixed(1)} of 10 GB. Erase jobs, or shorten RETENTION_DAYS.`;
}

export function noteSize(db: D1Database, { meta }: D1Result): void {
  if (meta.size_after > 0) sizes.set(db, meta.size_after);
}

/** A JSON column. What is in it was written by this code, so its type is known. */
export function fromJson<T>(text: string | null): T | null {
  return text === null ? null : (JSON.parse(text) as T);
}

/** What goes into a JSON column. */
export function toJson(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}

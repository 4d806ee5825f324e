// Writes new jobs: any number of them in one transaction, all or none, each under its own id.

import type { CacheSettings } from "../core/cache";
import type { Job, WholeJob } from "../core/job";
import type { Lane } from "../core/lifecycle";
import type { Timing } from "../core/limits";
import { claimOne } from "./claims";
import { ask, type JobKey, noteSize } from "./db";
import { INSERT_KEYS, INSERT_LEADERS, INSERT_TAGS, insertJobsSql } from "./insert-sql";
import { type JobRow, toJob, toWholeJob, type WholeJobRow } from "./job-row";

/** A job to be written. `input` is JSON text and travels as a string, so that depth, NUL and number forms survive. */
export type NewJob = {
  id: string;
  task: string;
  channel: string | null;
  /** JSON text. */
  tags: string[];
  /** JSON text. */
  metadata: string | null;
  lane: Lane;
  priority: number;
  model: string | null;
  stream: boolean;
  max_attempts: number;
  timeout_ms: number;
  /** Either an instant or a delay; both null: now. */
  run_at: number | null;
  delay_ms: number | null;
  expires_in_ms: number | null;
  retention_ms: number | null;
  pool: string | null;
  fair_key: string | null;
  concurrency_key: string | null;
  concurrency_limit: number | null;
  input_chars: number;
  max_output_tokens: number | null;
  route: string | null;
  key_id: string | null;
  on_budget: "fail" | null;
  reserve_tokens: number | null;
  reserve_nano_usd: number | null;
  rerun_of: string | null;
  idempotency_key: string | null;
  /** SHA-256 of the canonical request, when there is a key. */
  hash: string | null;
  input_bytes: number;
  input: string | null;
  input_key: string | null;
  parent_id: string | null;
  depth: number | null;
  custom_id: string | null;
  /** JSON text: it has failed before it began. */
  error: string | null;
  fingerprint: string | null;
  /** Null: it uses no cache. */
  cache: CacheSettings | null;
  cache_key: string | null;
};

/** The key of a whole bulk submit. */
export type BulkKey = { key: string; hash: string };

/** Slices keep each bound parameter well under D1's 2 MB (platform limits, 2026-04). */
const SLICE_BYTES = 1_000_000;

/**
 * Returns the jobs this call wrote. A job that is missing was there before: under its own id (this call is a repetition)
 * or under its idempotency key. Throws `idempotency_mismatch` (and writes nothing) when a key came with another body.
 */
export async function insertJobs(
  db: D1Database,
  projectId: string,
  jobs: NewJob[],
  bulkKey: BulkKey | null,
  timing: Timing,
): Promise<Job[]> {
  return (await insert(db, projectId, jobs, bulkKey, timing, [])).inserted;
}

/**
 * One job, claimed in the transaction that stores it. `inserted` as of insertJobs; `claimed` is null when something forbids
 * its start: it is pending then. Repeatable with the same `claimId`.
 */
export async function insertClaimed(
  db: D1Database,
  projectId: string,
  job: NewJob,
  claimId: string,
  timing: Timing,
): Promise<{ inserted: Job[]; claimed: WholeJob | null }> {
  const claim = claimOne(db, { projectId, id: job.id }, claimId, timing);
  const { inserted, last } = await insert(db, projectId, [job], null, timing, [claim]);
  const [row] = last.results as WholeJobRow[];
  return { inserted, claimed: row ? toWholeJob(row) : null };
}

/**
 * Statements that store children if the run of their parent may still write: to be put before the one that ends the run, in
 * the same transaction. Each returns the jobs it has written, as rows. Repeatable, because children have ids of their own.
 */
export function insertChildren(
  db: D1Database,
  parent: JobKey & { run: number },
  children: NewJob[],
  timing: Timing,
): D1PreparedStatement[] {
  if (children.length === 0) return [];
  return inserts(db, parent.projectId, children, [null, null, parent.id, parent.run], timing);
}

/** Statements of which each returns the jobs it has written. Of equal jobs, the first one is known to lead to the next slice. */
function inserts(
  db: D1Database,
  projectId: string,
  jobs: NewJob[],
  condition: unknown[],
  timing: Timing,
): D1PreparedStatement[] {
  const share = jobs.some((job) => job.cache_key !== null);
  const insert = db.prepare(insertJobsSql(timing, share));
  return slice(jobs).flatMap((json) => {
    const written = insert.bind(projectId, json, ...condition);
    return share ? [written, db.prepare(INSERT_LEADERS).bind(projectId, json)] : [written];
  });
}

/** `more`: statements of the same transaction, of whose last one `last` is the result. */
async function insert(
  db: D1Database,
  projectId: string,
  jobs: NewJob[],
  bulkKey: BulkKey | null,
  timing: Timing,
  more: D1PreparedStatement[],
): Promise<{ inserted: Job[]; last: D1Result }> {
  const statements: D1PreparedStatement[] = [];
  const keys = keyRows(jobs, bulkKey);
  if (keys.length > 0) statements.push(db.prepare(INSERT_KEYS).bind(projectId, JSON.stringify(keys)));
  const first = statements.length;
  const bulk = [bulkKey?.key ?? null, bulkKey ? (jobs[0]?.id ?? null) : null];
  statements.push(...inserts(db, projectId, jobs, [...bulk, null, null], timing));
  const end = statements.length;
  if (jobs.some((job) => job.tags.length > 0)) {
    for (const json of slice(jobs)) statements.push(db.prepare(INSERT_TAGS).bind(projectId, json));
  }
  const results = await ask(db.batch<JobRow>([...statements, ...more]));
  const last = results.at(-1) as D1Result<JobRow>;
  noteSize(db, last);
  const rows = results.slice(first, end).flatMap((result) => result.results);
  return { inserted: rows.map(toJob), last };
}

function keyRows(jobs: NewJob[], bulkKey: BulkKey | null) {
  const rows = jobs
    .filter((job) => job.idempotency_key !== null)
    .map((job) => ({
      key: job.idempotency_key,
      hash: job.hash,
      job_id: job.id,
      job_ids: null as string | null,
    }));
  if (!bulkKey) return rows;
  const ids = JSON.stringify(jobs.map((job) => job.id));
  return [{ ...bulkKey, job_id: jobs[0]?.id ?? "", job_ids: ids }, ...rows];
}

function slice(jobs: NewJob[]): string[] {
  const slices: string[] = [];
  let items: string[] = [];
  let bytes = 0;
  for (const job of jobs) {
    const item = JSON.stringify(job);
    // Three bytes a character at the most in UTF-8: an upper bound that needs no encoder.
    if (items.length > 0 && bytes + item.length * 3 > SLICE_BYTES * 1.9) {
      slices.push(`[${items.join(",")}]`);
      items = [];
      bytes = 0;
    }
    items.push(item);
    bytes += item.length * 3;
  }
  slices.push(`[${items.join(",")}]`);
  return slices;
}

/** What an idempotency key has made: the ids of its jobs, one for a single submit. */
export async function findByKeys(
  db: D1Database,
  projectId: string,
  keys: string[],
): Promise<Map<string, string[]>> {
  const sql = `SELECT key, job_id, job_ids FROM idempotency_keys
    WHERE project_id = ?1 AND key IN (SELECT value FROM json_each(?2))`;
  type Row = { key: string; job_id: string; job_ids: string | null };
  const { results } = await ask(db.prepare(sql).bind(projectId, JSON.stringify(keys)).all<Row>());
  return new Map(
    results.map((row) => [row.key, row.job_ids ? (JSON.parse(row.job_ids) as string[]) : [row.job_id]]),
  );
}

/** The keys among these whose stored hash is another one. */
export async function findMismatches(
  db: D1Database,
  projectId: string,
  keys: { key: string; hash: string }[],
): Promise<Set<string>> {
  const sql = `SELECT k.key FROM json_each(?2) j JOIN idempotency_keys k
    ON k.project_id = ?1 AND k.key = j.value->>'key' WHERE k.hash <> j.value->>'hash'`;
  const { results } = await ask(db.prepare(sql).bind(projectId, JSON.stringify(keys)).all<{ key: string }>());
  return new Set(results.map((row) => row.key));
}

// Writes new jobs: any number of them in one transaction, all or none, each under its own id.

import type { Job, WholeJob } from "../core/job";
import type { Lane } from "../core/lifecycle";
import { LINE_CHECK_MS, type Timing } from "../core/limits";
import { claimOne } from "./claims";
import { ask, type JobKey, NOW, noteSize } from "./db";
import { JOB_COLUMNS, type JobRow, toJob, toWholeJob, type WholeJobRow } from "./job-row";

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
};

/** The key of a whole bulk submit. */
export type BulkKey = { key: string; hash: string };

/** Slices keep each bound parameter well under D1's 2 MB (platform limits, 2026-04). */
const SLICE_BYTES = 1_000_000;

/** Where it waits, what for, who pays, and whose child it is. */
const PLACES =
  "pool, fair_key, concurrency_key, concurrency_limit, input_chars, max_output_tokens, route, key_id, on_budget, reserve_tokens, reserve_nano_usd, parent_id, depth, custom_id, error, fingerprint";

const insertJobsSql = ({
  ringCheckMs,
}: Timing) => `INSERT INTO jobs (project_id, id, task, state, reason, channel, lane, priority, model, stream,
    max_attempts, timeout_ms, created_at, run_at, wake_at, expires_at, rerun_of, idempotency_key, input_bytes, input_key,
    retention_ms, tags, metadata, input, finished_at, ${PLACES})
  SELECT ?1, id, task, CASE WHEN broken THEN 'failed' ELSE 'pending' END,
    CASE WHEN broken THEN NULL WHEN run_at > now THEN 'scheduled' ELSE 'queued' END, j->>'channel', j->>'lane',
    j->>'priority', j->>'model', j->>'stream', j->>'max_attempts', j->>'timeout_ms', now, run_at,
    CASE WHEN broken THEN NULL
         WHEN run_at > now THEN MIN(run_at, COALESCE(expires_at, run_at))
         ELSE MIN(now + check_ms, COALESCE(expires_at, now + check_ms)) END,
    expires_at, j->>'rerun_of', own_key, j->>'input_bytes', j->>'input_key', j->>'retention_ms', NULLIF(j->>'tags', '[]'), j->>'metadata',
    j->>'input', CASE WHEN broken THEN now END, ${PLACES.split(", ")
      .map((column) => `j->>'${column}'`)
      .join(", ")}
  FROM (SELECT j, now, j->>'error' IS NOT NULL AS broken, j->>'id' AS id, j->>'task' AS task, j->>'idempotency_key' AS own_key,
      MAX(COALESCE(j->>'run_at', 0), now + COALESCE(j->>'delay_ms', 0)) AS run_at, now + j->>'expires_in_ms' AS expires_at,
      CASE WHEN j->>'pool' IS NULL THEN ${ringCheckMs} ELSE ${LINE_CHECK_MS} END AS check_ms
    FROM (SELECT value AS j, ${NOW} AS now FROM json_each(?2)))
  WHERE NOT EXISTS (SELECT 1 FROM projects WHERE id = ?1 AND deleted_at IS NOT NULL)
    AND (own_key IS NULL
      OR (SELECT k.job_id FROM idempotency_keys k WHERE k.project_id = ?1 AND k.key = own_key) = id)
    AND (?3 IS NULL OR (SELECT k.job_id FROM idempotency_keys k WHERE k.project_id = ?1 AND k.key = ?3) = ?4)
    AND (?5 IS NULL OR EXISTS (SELECT 1 FROM jobs AS parent WHERE parent.project_id = ?1 AND parent.id = ?5
      AND parent.run = ?6 AND parent.state = 'running' AND parent.cancel_requested_at IS NULL))
  ON CONFLICT DO NOTHING RETURNING ${JOB_COLUMNS}`;

const INSERT_KEYS = `INSERT INTO idempotency_keys (project_id, key, hash, job_id, job_ids, created_at)
  SELECT ?1, value->>'key', value->>'hash', value->>'job_id', value->>'job_ids', ${NOW} FROM json_each(?2) WHERE true
  ON CONFLICT DO NOTHING`;

const INSERT_TAGS = `INSERT INTO job_tags (project_id, tag, job_id)
  SELECT ?1, t.value, j.value->>'id' FROM json_each(?2) j, json_each(j.value->'tags') t
  WHERE EXISTS (SELECT 1 FROM jobs WHERE project_id = ?1 AND id = j.value->>'id')
  ON CONFLICT DO NOTHING`;

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
  const insert = db.prepare(insertJobsSql(timing));
  return slice(children).map((json) =>
    insert.bind(parent.projectId, json, null, null, parent.id, parent.run),
  );
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
  const slices = slice(jobs);
  const first = statements.length;
  const bulk = [bulkKey?.key ?? null, bulkKey ? (jobs[0]?.id ?? null) : null];
  for (const json of slices)
    statements.push(db.prepare(insertJobsSql(timing)).bind(projectId, json, ...bulk, null, null));
  if (jobs.some((job) => job.tags.length > 0)) {
    for (const json of slices) statements.push(db.prepare(INSERT_TAGS).bind(projectId, json));
  }
  const results = await ask(db.batch<JobRow>([...statements, ...more]));
  const last = results.at(-1) as D1Result<JobRow>;
  noteSize(db, last);
  const rows = results.slice(first, first + slices.length).flatMap((result) => result.results);
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

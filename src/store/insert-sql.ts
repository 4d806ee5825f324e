// The statements that write new jobs. Whether a job has its answer already, waits for an equal one or leads is decided in them.

import { BULK_PATIENCE, LINE_CHECK_MS, type Timing } from "../core/limits";
import { NOW } from "./db";
import { JOB_COLUMNS } from "./job-row";

/** Where it waits, what for, who pays, and whose child it is. */
const PLACES =
  "pool, fair_key, concurrency_key, concurrency_limit, input_chars, max_output_tokens, route, key_id, on_budget, reserve_tokens, reserve_nano_usd, parent_id, depth, custom_id, error, fingerprint";

/** What has to be true for a job to be written. */
const WRITABLE = `NOT EXISTS (SELECT 1 FROM projects WHERE id = ?1 AND deleted_at IS NOT NULL)
    AND (own_key IS NULL
      OR (SELECT k.job_id FROM idempotency_keys k WHERE k.project_id = ?1 AND k.key = own_key) = id)
    AND (?3 IS NULL OR (SELECT k.job_id FROM idempotency_keys k WHERE k.project_id = ?1 AND k.key = ?3) = ?4)
    AND (?5 IS NULL OR EXISTS (SELECT 1 FROM jobs AS parent WHERE parent.project_id = ?1 AND parent.id = ?5
      AND parent.run = ?6 AND parent.state = 'running' AND parent.cancel_requested_at IS NULL))`;

const GIVEN = `SELECT j, place, now, j->>'error' IS NOT NULL AS broken, j->>'id' AS id, j->>'task' AS task,
    j->>'idempotency_key' AS own_key, MAX(COALESCE(j->>'run_at', 0), now + COALESCE(j->>'delay_ms', 0)) AS run_at,
    now + j->>'expires_in_ms' AS expires_at
  FROM (SELECT value AS j, key AS place, ${NOW} AS now FROM json_each(?2))`;

const ALONE = `SELECT *, CASE WHEN broken THEN 'failed' ELSE 'pending' END AS state FROM (${GIVEN}) WHERE ${WRITABLE}`;

/** Until then the answer of an entry is good for a job: by what both of them say. */
const FRESH_UNTIL = "MIN(e.expires_at, e.created_at + (j->>'$.cache.ttl_ms'))";

/** What scheduled jobs ask, they ask when their time comes. */
const ASKS_NOW = "j->>'cache_key' IS NOT NULL AND NOT broken AND run_at <= now";

const IS_ANSWERED = `COALESCE(${ASKS_NOW} AND j->>'$.cache.mode' = 'use' AND now < e.drop_at
  AND now < ${FRESH_UNTIL} + (j->>'$.cache.stale_ms'), 0)`;

/** A leader that waits for its children must not be waited for by one of them. */
const MAY_FOLLOW = `NOT EXISTS (SELECT 1 FROM jobs AS leader WHERE leader.project_id = ?1 AND leader.id = e.job_id
  AND leader.children_total > 0 AND COALESCE(leader.depth, 0) < COALESCE(j->>'depth', 0))`;

const IS_WANTED = `(j->>'$.cache.mode' IS NOT 'revalidate' OR (e.job_id IS NULL AND now >= COALESCE(${FRESH_UNTIL}, 0)))`;

/** `leader`: who is known to work on the answer; else it is the first of those in this statement that ask the same. */
const SHARED = `SELECT *, CASE WHEN broken THEN 'failed' WHEN answered THEN 'completed'
    WHEN COALESCE(follows, id) <> id THEN 'waiting' ELSE 'pending' END AS state
  FROM (SELECT *, CASE WHEN joins THEN COALESCE(leader, FIRST_VALUE(id) OVER (PARTITION BY joins, j->>'cache_key' ORDER BY place)) END AS follows
    FROM (SELECT *, asks AND NOT answered AND may_follow AS joins
      FROM (SELECT given.*, ${ASKS_NOW} AS asks, ${IS_ANSWERED} AS answered, ${MAY_FOLLOW} AS may_follow, e.job_id AS leader,
          CASE WHEN now < ${FRESH_UNTIL} THEN 1 ELSE 2 END AS freshness, e.model AS by_model, e.usage AS saved, e.output,
          e.output_bytes, e.output_key
        FROM (${GIVEN}) AS given LEFT JOIN cache_entries AS e ON e.project_id = ?1 AND e.key = j->>'cache_key'
        WHERE ${WRITABLE} AND ${IS_WANTED})))`;

const SHARED_COLUMNS =
  ", cache, cache_key, follows, cached, saved, output, output_bytes, output_key, erase_at";
const SHARED_VALUES = `, j->>'cache', j->>'cache_key', CASE WHEN state = 'waiting' THEN follows END,
    CASE WHEN answered THEN freshness END, CASE WHEN answered THEN saved END, CASE WHEN answered THEN output END,
    CASE WHEN answered THEN output_bytes END, CASE WHEN answered THEN output_key END,
    CASE WHEN answered THEN now + (j->>'retention_ms') END`;

/** `share`: some of them use the cache. ?1: the project; ?2: the jobs; ?3 and ?4: the key of a bulk and its job; ?5 and ?6: a parent and its run. */
export const insertJobsSql = (
  { ringCheckMs }: Timing,
  share: boolean,
) => `INSERT INTO jobs (project_id, id, task, state, reason, channel, lane, priority, model, stream,
    max_attempts, timeout_ms, created_at, run_at, wake_at, expires_at, rerun_of, idempotency_key, input_bytes, input_key,
    retention_ms, tags, metadata, input, finished_at, ${PLACES}${share ? SHARED_COLUMNS : ""})
  SELECT ?1, id, task, state,
    CASE WHEN state <> 'pending' THEN NULL WHEN run_at > now THEN 'scheduled' ELSE 'queued' END, j->>'channel', j->>'lane',
    j->>'priority', ${share ? "CASE WHEN answered THEN by_model ELSE j->>'model' END" : "j->>'model'"}, j->>'stream',
    j->>'max_attempts', j->>'timeout_ms', now, run_at,
    CASE WHEN state IN ('failed', 'completed') THEN NULL
         WHEN run_at > now THEN MIN(run_at, COALESCE(expires_at, run_at))
         ELSE MIN(now + check_ms, COALESCE(expires_at, now + check_ms)) END,
    expires_at, j->>'rerun_of', own_key, j->>'input_bytes', j->>'input_key', j->>'retention_ms', NULLIF(j->>'tags', '[]'), j->>'metadata',
    j->>'input', CASE WHEN state IN ('failed', 'completed') THEN now END, ${PLACES.split(", ")
      .map((column) => `j->>'${column}'`)
      .join(", ")}${share ? SHARED_VALUES : ""}
  FROM (SELECT *,
      CASE WHEN j->>'pool' IS NOT NULL OR state = 'waiting' THEN ${LINE_CHECK_MS}
        WHEN j->>'lane' = 'bulk' THEN ${BULK_PATIENCE * ringCheckMs} ELSE ${ringCheckMs} END AS check_ms
    FROM (${share ? SHARED : ALONE}))
  WHERE true
  ON CONFLICT DO NOTHING RETURNING ${JOB_COLUMNS}`;

/** Behind the INSERT of the same jobs. One that was stored by an earlier call, and runs by now, is known already. */
export const INSERT_LEADERS = `INSERT INTO cache_entries (project_id, key, scope, job_id)
  SELECT ?1, cache_key, cache->>'scope', id FROM jobs
  WHERE project_id = ?1 AND id IN (SELECT value->>'id' FROM json_each(?2)) AND cache_key IS NOT NULL AND follows IS NULL
    AND state = 'pending' AND reason = 'queued' AND run = 0 ORDER BY id
  ON CONFLICT DO UPDATE SET job_id = excluded.job_id WHERE job_id IS NULL`;

export const INSERT_KEYS = `INSERT INTO idempotency_keys (project_id, key, hash, job_id, job_ids, created_at)
  SELECT ?1, value->>'key', value->>'hash', value->>'job_id', value->>'job_ids', ${NOW} FROM json_each(?2) WHERE true
  ON CONFLICT DO NOTHING`;

export const INSERT_TAGS = `INSERT INTO job_tags (project_id, tag, job_id)
  SELECT ?1, t.value, j.value->>'id' FROM json_each(?2) j, json_each(j.value->'tags') t
  WHERE EXISTS (SELECT 1 FROM jobs WHERE project_id = ?1 AND id = j.value->>'id')
  ON CONFLICT DO NOTHING`;

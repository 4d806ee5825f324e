// Claims: a pending job, or one whose run has died, becomes the running job of whoever asks.

import type { Job, WholeJob } from "../core/job";
import type { Timing } from "../core/limits";
import { HAS_BUDGET, IN_BUDGET } from "./budgets";
import { KEY_IS_FREE } from "./concurrency";
import { ask, type JobKey, NOW, pairs } from "./db";
import { JOB_COLUMNS, type JobRow, toJob, toWholeJob, WHOLE_JOB_COLUMNS, type WholeJobRow } from "./job-row";
import { NOT_PAUSED } from "./pauses";
import { DUE } from "./startable";

/** What every claim writes, once: a job that bears this claim id already was claimed by a statement whose answer got lost. */
function taken(claim: string, { leaseMs }: Timing): string {
  return `state = 'running', reason = NULL, claim_id = ${claim},
      run = run + (claim_id IS NOT ${claim}), version = version + (claim_id IS NOT ${claim}),
      started_at = CASE WHEN claim_id IS ${claim} THEN started_at ELSE COALESCE(started_at, ${NOW}) END,
      lease_until = ${NOW} + ${leaseMs}`;
}

/** Its run counts against a budget. */
const RESERVED = `reserved = CASE WHEN ${HAS_BUDGET} THEN 1 END`;

/**
 * claim: every job of `keys` that is due, in one statement. Those that crashed before are not among them, see claimSuspect,
 * nor those that count against something when they start, see claimCounted.
 *
 * `claimId` names the caller, who may ask again when the answer was lost: what it has already claimed comes back as it is.
 * `wake_at` is not named: naming it would cost a row more, and the clock finds a running job by its old value.
 */
export async function claimJobs(
  db: D1Database,
  keys: JobKey[],
  claimId: string,
  timing: Timing,
): Promise<WholeJob[]> {
  const sql = `UPDATE jobs SET
      ${taken("?2", timing)}, attempt = attempt + (claim_id IS NOT ?2)
    WHERE (project_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?1))
      AND ((${DUE} AND crashes = 0 AND concurrency_key IS NULL AND NOT ${HAS_BUDGET} AND ${NOT_PAUSED})
        OR (state = 'running' AND claim_id = ?2))
    RETURNING ${WHOLE_JOB_COLUMNS}`;
  const { results } = await ask(db.prepare(sql).bind(pairs(keys), claimId).all<WholeJobRow>());
  return results.map(toWholeJob);
}

/**
 * takeover of a job whose last run is past its lease; or claim of one that is due again after such a run. One job at a
 * time, so that an isolate which dies of one has not claimed the others. Repeatable as claimJobs.
 */
export async function claimSuspect(
  db: D1Database,
  key: JobKey,
  claimId: string,
  timing: Timing,
): Promise<WholeJob | null> {
  const sql = `UPDATE jobs SET
      ${taken("?3", timing)}, ${RESERVED},
      attempt = attempt + (claim_id IS NOT ?3 AND state = 'pending'),
      crashes = crashes + (claim_id IS NOT ?3 AND state = 'running')
    WHERE project_id = ?1 AND id = ?2
      AND ((${suspect(timing)} AND ${unaccompanied(timing)}) OR (state = 'running' AND claim_id = ?3))
    RETURNING ${WHOLE_JOB_COLUMNS}`;
  const row = await ask(db.prepare(sql).bind(key.projectId, key.id, claimId).first<WholeJobRow>());
  return row && toWholeJob(row);
}

/**
 * claim of jobs that count against a budget or a concurrency key. A statement for each, in one transaction: each one has to
 * see what the one before it has taken. Repeatable as claimJobs.
 */
export async function claimCounted(
  db: D1Database,
  keys: JobKey[],
  claimId: string,
  timing: Timing,
): Promise<WholeJob[]> {
  const statements = keys.map((key) => claimOne(db, key, claimId, timing));
  const results = await ask(db.batch<WholeJobRow>(statements));
  return results.flatMap((result) => result.results.map(toWholeJob));
}

/** claim of one job, whatever it counts against. */
export function claimOne(
  db: D1Database,
  { projectId, id }: JobKey,
  claimId: string,
  timing: Timing,
): D1PreparedStatement {
  const sql = `UPDATE jobs SET
      ${taken("?3", timing)}, ${RESERVED}, attempt = attempt + (claim_id IS NOT ?3)
    WHERE project_id = ?1 AND id = ?2
      AND ((${DUE} AND crashes = 0 AND ${STARTABLE}) OR (state = 'running' AND claim_id = ?3))
    RETURNING ${WHOLE_JOB_COLUMNS}`;
  return db.prepare(sql).bind(projectId, id, claimId);
}

/**
 * Those of the jobs that claimJobs leaves to others: for claimSuspect those that have crashed before, for claimCounted the
 * rest, in the order in which they are to start. What is paused is among them.
 */
export async function findUnclaimed(
  db: D1Database,
  keys: JobKey[],
  timing: Timing,
): Promise<{ suspects: Job[]; counted: Job[] }> {
  const sql = `SELECT ${JOB_COLUMNS} FROM jobs
    WHERE (project_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?1))
      AND ((${DUE} AND crashes = 0) OR ${suspect(timing)}) ORDER BY priority DESC, run_at, id`;
  const { results } = await ask(db.prepare(sql).bind(pairs(keys)).all<JobRow>());
  const found = results.map(toJob);
  const isSuspect = (job: Job) => job.crashes > 0 || job.state === "running";
  return {
    suspects: found.filter(isSuspect),
    counted: found.filter((job) => !isSuspect(job)),
  };
}

/**
 * Suspects may run beside one another, in invocations of their own, but for one that has its last chance: whether it is to
 * blame shows only while no other of them runs anywhere, because several invocations can share an isolate.
 */
function unaccompanied({ maxCrashes }: Timing): string {
  return `NOT EXISTS (SELECT 1 FROM jobs AS other INDEXED BY jobs_suspected
    WHERE other.state = 'running' AND other.crashes > 0 AND other.lease_until >= ${NOW}
      AND (other.crashes + 1 >= ${maxCrashes} OR jobs.crashes + (jobs.state = 'running') + 1 >= ${maxCrashes}))`;
}

/** Of a due job: nothing that it counts against forbids its start. */
const STARTABLE = `${NOT_PAUSED} AND ${KEY_IS_FREE} AND ${IN_BUDGET}`;

function suspect({ maxCrashes }: Timing): string {
  return `((${DUE} AND crashes > 0 AND ${STARTABLE}) OR (state = 'running' AND lease_until < ${NOW}
    AND crashes + 1 < ${maxCrashes} AND cancel_requested_at IS NULL))`;
}

// Backpressure: whether there is room for more jobs, known well enough without a query for each submit.

import { AppError } from "../core/errors";
import type { Deps } from "../deps";
import { tellFull } from "../store/db";
import { countOpen } from "../store/jobs";

/** A count is good for a second, and longer the more there is to count: it costs a look at each open job. */
const REMEMBER_MS = 1_000;
const COUNTED_PER_MS = 10;

type Counted = { open: number; until: number };

// What this isolate believes, per database and project. It says nothing about any job.
const beliefs = new WeakMap<D1Database, Map<string, Counted>>();

/** Throws `too_many_jobs` or `storage_full` with the number. Counts the `count` new jobs as taken in. */
export async function checkRoom(deps: Deps, projectId: string, count: number): Promise<void> {
  const counted = await recall(deps, projectId);
  const full = tellFull(deps.db);
  if (full) throw new AppError("storage_full", { message: full, retryAfterMs: 60_000 });
  const { maxOpenJobs } = deps.config;
  if (counted.open + count > maxOpenJobs) {
    const message = `The project has ${counted.open} open jobs; ${maxOpenJobs} are allowed (MAX_OPEN_JOBS). Try again when some have ended.`;
    throw new AppError("too_many_jobs", { message, retryAfterMs: 30_000 });
  }
  counted.open += count;
}

async function recall(deps: Deps, projectId: string): Promise<Counted> {
  const known = beliefs.get(deps.db) ?? new Map<string, Counted>();
  beliefs.set(deps.db, known);
  const belief = known.get(projectId);
  if (belief && belief.until > deps.now()) return belief;
  const fresh = count(deps, projectId).then((counted) => {
    // Of those who count at the same time, one is believed: what each of them takes in is added to it.
    const first = known.get(projectId);
    if (first && first !== belief) return first;
    known.set(projectId, counted);
    return counted;
  });
  // Far from the bound an old count will do for this request; the next one has the new.
  if (!belief || belief.open * 2 > deps.config.maxOpenJobs) return fresh;
  belief.until = deps.now() + REMEMBER_MS;
  deps.background(fresh.catch(() => {}));
  return belief;
}

async function count(deps: Deps, projectId: string): Promise<Counted> {
  const open = await countOpen(deps.db, projectId);
  return { open, until: deps.now() + REMEMBER_MS + open / COUNTED_PER_MS };
}

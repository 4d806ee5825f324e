// What budgets say to a submit: so many jobs a minute, and no model without a price where dollars are counted.

import { AppError } from "../core/errors";
import { jobIdAt } from "../core/ids";
import type { Deps } from "../deps";
import { listQuotas, type SubmitQuota } from "../store/budgets";
import { countSince, nthSince } from "../store/jobs";
import type { NewJob } from "../store/submit";

/** Limits known for less than this are taken as they are; up to STALE_MS they are, too, and asked for on the side. */
const FRESH_MS = 5_000;
const STALE_MS = 30_000;

/** A count is good for so long. What this isolate takes in meanwhile is added to it. */
const COUNTED_MS = 1_000;

const MINUTE_MS = 60_000;

type Counted = { jobs: number; until: number };
type Belief = { quotas: SubmitQuota[]; at: number; counts: Map<string, Counted> };

// What this isolate believes, per database and project. It says nothing about any job.
const beliefs = new WeakMap<D1Database, Map<string, Belief>>();

type Submit = { keyId: string | null; count: number; list: boolean };

/** Throws `price_unknown` or `quota_exceeded`. Counts the `count` new jobs as taken in. A project without limits is not counted. */
export async function checkQuota(
  deps: Deps,
  { projectId, jobs }: { projectId: string; jobs: NewJob[] },
  { keyId, count, list }: Submit,
): Promise<void> {
  const belief = await recall(deps, projectId);
  const quotas = belief.quotas.filter((quota) => quota.keyId === null || quota.keyId === keyId);
  if (quotas.some(({ countsUsd }) => countsUsd)) checkPrices(jobs, list);
  const limits: (Whose & { jobsPerMinute: number; counted: Counted })[] = [];
  for (const { keyId: ofKey, jobsPerMinute } of quotas) {
    if (jobsPerMinute === null) continue;
    const whose = { projectId, keyId: ofKey };
    limits.push({ ...whose, jobsPerMinute, counted: await countLastMinute(deps, belief, whose) });
  }
  const broken = limits.find(({ jobsPerMinute, counted }) => counted.jobs + count > jobsPerMinute);
  if (broken) throw await exceeded(deps, broken, broken.jobsPerMinute, broken.counted.jobs, count);
  for (const { counted } of limits) counted.jobs += count;
}

/** What was changed here is known here at once, elsewhere within 30 seconds. */
export function forgetQuotas(deps: Deps, projectId: string): void {
  beliefs.get(deps.db)?.delete(projectId);
}

function checkPrices(jobs: NewJob[], list: boolean): void {
  const errors = jobs.flatMap(({ model, route, reserve_nano_usd }, index) => {
    if (model === null || reserve_nano_usd !== null) return [];
    const other = route === null ? "" : ", or one that it may fall back to,";
    const message = `The model "${model}"${other} has no price, and there is a budget in dollars. Give it a \`price\` in PROVIDERS, or name another model.`;
    return [
      list ? { index, param: `jobs[${index}].input.model`, message } : { param: "input.model", message },
    ];
  });
  const [first] = errors;
  if (first) throw new AppError("price_unknown", { ...first, errors });
}

async function recall(deps: Deps, projectId: string): Promise<Belief> {
  const known = beliefs.get(deps.db) ?? new Map<string, Belief>();
  beliefs.set(deps.db, known);
  const belief = known.get(projectId);
  const ageMs = belief ? deps.now() - belief.at : Number.POSITIVE_INFINITY;
  if (belief && ageMs < FRESH_MS) return belief;
  const fresh = listQuotas(deps.db, projectId).then((quotas) => {
    const counts = known.get(projectId)?.counts ?? new Map<string, Counted>();
    const now = { quotas, at: deps.now(), counts };
    known.set(projectId, now);
    return now;
  });
  if (!belief || ageMs > STALE_MS) return fresh;
  deps.background(fresh.catch(() => {}));
  return belief;
}

type Whose = { projectId: string; keyId: string | null };

async function countLastMinute(deps: Deps, { counts }: Belief, whose: Whose): Promise<Counted> {
  const name = whose.keyId ?? "";
  const known = counts.get(name);
  if (known && known.until > deps.now()) return known;
  const since = jobIdAt(deps.now() - MINUTE_MS);
  const jobs = await countSince(deps.db, whose.projectId, whose.keyId, since);
  // Of those who count at the same time, one is believed: what each of them takes in is added to it.
  const first = counts.get(name);
  if (first && first !== known) return first;
  const counted = { jobs, until: deps.now() + COUNTED_MS };
  counts.set(name, counted);
  return counted;
}

async function exceeded(deps: Deps, whose: Whose, limit: number, jobs: number, count: number) {
  const subject = whose.keyId === null ? "The project has" : "This key has";
  const numbers = `${subject} submitted ${jobs} jobs within a minute; ${limit} are allowed (jobs_per_minute)`;
  if (count > limit) {
    const message = `${numbers}, so that a request with ${count} never fits. Send fewer at a time.`;
    return new AppError("quota_exceeded", { message, retryAfterMs: MINUTE_MS });
  }
  // So many of the last minute's jobs must be older than that before these fit.
  const leaving = Math.max(1, jobs + count - limit);
  const since = jobIdAt(deps.now() - MINUTE_MS);
  const createdAt = await nthSince(deps.db, whose.projectId, whose.keyId, { since, n: leaving });
  const inMs = createdAt === null ? COUNTED_MS : createdAt + MINUTE_MS - deps.now();
  const retryAfterMs = Math.min(MINUTE_MS, Math.max(COUNTED_MS, inMs));
  return new AppError("quota_exceeded", {
    message: `${numbers}. ${count} more do not fit now.`,
    retryAfterMs,
  });
}

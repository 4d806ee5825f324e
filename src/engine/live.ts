// Live calls: a job that somebody waits for is claimed in the transaction that stores it, and runs in the object of its
// stream. Whatever is in its way, it waits in line as any other.

import { AppError } from "../core/errors";
import { ticketOf } from "../core/gate/ticket";
import type { Job, WholeJob } from "../core/job";
import { jobLogId } from "../core/streams/job-log";
import { shardOf } from "../core/streams/stream";
import type { Deps } from "../deps";
import { errorField } from "../log";
import { isKnown } from "../store/cache";
import type { NewJob } from "../store/submit";
import { within } from "../store/within";
import { armClockFor } from "./arm-clock";
import { callGate } from "./gates";
import type { Keyed } from "./idempotency";
import { insert } from "./insert";
import { settle } from "./settle";

const PATIENCE_MS = 5_000;

/** Stores the one job, and starts it if nothing is in its way. Throws as insert does. */
export async function insertLive(deps: Deps, keyed: Keyed): Promise<Job[]> {
  const { projectId, jobs } = keyed;
  const [job] = jobs;
  if (!job || (await isAnswered(deps, projectId, job)) || !(await isAdmitted(deps, projectId, job))) {
    return (await insert(deps, keyed, { list: false })).inserted;
  }
  try {
    const { inserted, claimed } = await insert(deps, keyed, { list: false, claimId: deps.newId("clm") });
    deps.background(claimed ? startLive(deps, claimed) : giveTurnBack(deps, job));
    return claimed ? [claimed] : inserted;
  } catch (error) {
    deps.background(giveTurnBack(deps, job));
    throw error;
  }
}

/** What most likely calls no model needs no turn. The INSERT has the last word: should it call one, it waits in line. */
async function isAnswered(
  deps: Deps,
  projectId: string,
  { cache, cache_key: key }: NewJob,
): Promise<boolean> {
  return key !== null && cache?.mode === "use" && (await isKnown(deps.db, projectId, key));
}

/** Whether its gate lets it start now. One that it needs none of always does. */
async function isAdmitted(deps: Deps, projectId: string, job: NewJob): Promise<boolean> {
  const { pool, route, concurrency_key: key, concurrency_limit: limit } = job;
  if (pool === null) return true;
  const { id, task, lane, priority, input_chars, max_output_tokens, fair_key } = job;
  const ticket = ticketOf({
    ...{ projectId, id, task, lane, priority, pool, route, runAt: deps.now() },
    ...{ inputChars: input_chars, maxOutputTokens: max_output_tokens, fairKey: fair_key },
    concurrency: key !== null && limit !== null ? { key, limit } : null,
  });
  const answers = await callGate(deps, pool, (gate) => gate.ask(pool, [ticket]));
  return answers?.[0] === "go";
}

/** The turn was not used: something else is in its way, or it was there already. Never throws. */
async function giveTurnBack(deps: Deps, { id, pool }: Pick<NewJob, "id" | "pool">): Promise<void> {
  if (pool !== null) await callGate(deps, pool, (gate) => gate.tell(pool, [{ id, putBack: null }]));
}

/** Hands a claimed job to its object. One that does not take it gives it back to the line. Never throws. */
async function startLive(deps: Deps, job: WholeJob): Promise<void> {
  try {
    const started = deps.jobLogs.getByName(shardOf(jobLogId(job))).run(job);
    await within(PATIENCE_MS, started, () => new Error("the object does not answer"));
  } catch (error) {
    deps.log("live_not_started", { job: job.id, error: errorField(error) });
    await putBack(deps, job).catch((away) => {
      // Its lease ends, and the clock finds it.
      deps.log("live_not_put_back", { job: job.id, error: errorField(away) });
    });
  }
}

async function putBack(deps: Deps, job: WholeJob): Promise<void> {
  const error = new AppError("store_unavailable");
  const { progress, run } = job;
  const result = { ok: false, error, partial: null } as const;
  const settled = await settle(deps, job, { result, usage: null, progress, startedAt: deps.now(), run });
  await giveTurnBack(deps, job);
  if (settled) await armClockFor(deps, Math.max(0, settled.runAt - settled.readAt));
}

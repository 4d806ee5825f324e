// Ends a run: one outcome or error becomes exactly one move.

import type { OnChildFailure } from "../core/children";
import { AppError } from "../core/errors";
import { fingerprintOf } from "../core/fingerprint";
import type { Job, JobError, WholeJob } from "../core/job";
import { KEPT_ATTEMPTS, KEPT_MESSAGE, MAX_TURNS } from "../core/limits";
import type { Outcome } from "../core/outcome";
import { parseRoute, presentTarget } from "../core/route";
import { addUsage, NO_USAGE, type Price, type Usage } from "../core/usage";
import type { Deps } from "../deps";
import { getJob } from "../store/jobs";
import { storeOutput } from "../store/outputs";
import { endRun, type RunResult, returnParent, returnRun, waitRun } from "../store/run-ends";
import { sealError, sealProgress } from "../store/sealed-job";
import { findTask } from "../tasks/index";
import { armClock } from "./arm-clock";
import { makeChildren } from "./children";
import { comebackOf } from "./comeback";
import { withoutBlame } from "./place-of";
import { ring } from "./ring";

/** How a run went. `partial` of a failure is what a cancelled job keeps. */
export type RunEnd = {
  result: { ok: true; outcome: Outcome } | { ok: false; error: AppError; partial: unknown };
  usage: Usage | null;
  progress: Job["progress"];
  startedAt: number;
  /** Earlier runs that count as crashed though their end was found in R2. */
  forgiven?: number;
  /** The run that did it. Not the one that settles it, when that one found it unsettled. */
  run: number;
};

/** Returns the job after the move; null when the run had lost the job, so that nothing was written. */
export async function settle(deps: Deps, job: WholeJob, end: RunEnd): Promise<Job | null> {
  const moved = await move(deps, job, end);
  if (moved) return moved;
  const now = await getJob(deps.db, job);
  // Our own write, whose answer was lost: any state but running, under our run, can only be what we wrote.
  if (now && now.run === job.run && now.state !== "running") return now;
  // Asked to stop in the meantime, which retry, again and defer give way to.
  if (now && now.run === job.run && now.cancelRequestedAt !== null) return stop(deps, job, end);
  return null;
}

async function move(deps: Deps, job: WholeJob, end: RunEnd): Promise<Job | null> {
  if (!end.result.ok) return settleError(deps, job, end, end.result.error);
  const { outcome } = end.result;
  if (outcome.kind === "done") {
    const result = await resultOf(deps, job, end, null);
    const output = await storeOutput(deps, job, "completed", outcome.output);
    return endRun(deps.db, job, { state: "completed", move: "complete" }, { ...result, output });
  }
  if (job.turns >= MAX_TURNS) return settleError(deps, job, end, new AppError("turns_exhausted"));
  const turnState = await deps.vault.sealText(job, JSON.stringify(outcome.state ?? null));
  if (outcome.kind === "wait" || outcome.children.length > 0)
    return settleParent(deps, job, end, outcome, turnState);
  const result = await resultOf(deps, job, end, null);
  const back = { move: "again", delayMs: outcome.delayMs, turnState, place: withoutBlame(job) } as const;
  return returnRun(deps.db, job, back, result);
}

/** The children are stored in the transaction that ends the run, so that they are made once whatever happens. */
async function settleParent(
  deps: Deps,
  job: WholeJob,
  end: RunEnd,
  outcome: Exclude<Outcome, { kind: "done" }>,
  turnState: string,
): Promise<Job | null> {
  const { timing } = deps.config;
  try {
    const children = await makeChildren(deps, job, outcome.children);
    const result = await resultOf(deps, job, end, null);
    if (children.length > 0) await armClock(deps);
    const settled =
      outcome.kind === "wait"
        ? await waitRun(deps.db, job, { ...waitingOf(job, outcome), children, turnState }, result, timing)
        : await returnParent(deps.db, job, { delayMs: outcome.delayMs, turnState, children }, result, timing);
    if (settled)
      deps.background(
        ring(
          deps,
          settled.children.filter(({ state }) => state === "pending"),
        ),
      );
    return settled?.job ?? null;
  } catch (error) {
    if (!(error instanceof AppError && error.code === "children_exceeded")) throw error;
    return settleError(deps, job, end, error);
  }
}

function waitingOf({ children }: Job, { onChildFailure }: { onChildFailure: OnChildFailure }) {
  return { onChildFailure, seen: children ? children.failed + children.cancelled : 0 };
}

async function settleError(deps: Deps, job: WholeJob, end: RunEnd, error: AppError): Promise<Job | null> {
  if (error.code === "cancelled") return stop(deps, job, end);
  const result = await resultOf(deps, job, end, error);
  const back = comebackOf(deps, job, error);
  if (back) return returnRun(deps.db, job, back, result);
  const fingerprint = fingerprintOf(job.task, error);
  return endRun(deps.db, job, { state: "failed", move: "fail" }, { ...result, fingerprint });
}

async function stop(deps: Deps, job: WholeJob, end: RunEnd): Promise<Job | null> {
  const partial = end.result.ok ? null : end.result.partial;
  const output = partial === null ? null : await storeOutput(deps, job, "cancelled", partial);
  const result = await resultOf(deps, job, end, null);
  return endRun(deps.db, job, { state: "cancelled", move: "stop" }, { ...result, output });
}

async function resultOf(deps: Deps, job: WholeJob, end: RunEnd, error: AppError | null): Promise<RunResult> {
  const sealed = await sealError(deps.vault, job, error && toJobError(error));
  const key = presentTarget(parseRoute(job.route))?.key ?? undefined;
  const record = {
    attempt: job.attempt,
    started_at: new Date(end.startedAt).toISOString(),
    ended_at: new Date(deps.now()).toISOString(),
    error: sealed,
    model: job.model,
    ...(key === undefined ? {} : { key }),
    usage: end.usage ?? NO_USAGE,
  };
  return {
    attempts: [...job.attempts, record].slice(-KEPT_ATTEMPTS),
    usage: end.usage ? addUsage(job.usage ?? NO_USAGE, end.usage) : job.usage,
    progress: await sealProgress(deps.vault, job, end.progress),
    error: sealed,
    used: usedBy(deps, job, end),
    forgiven: end.forgiven,
  };
}

function toJobError({ code, message, retryable }: AppError): JobError {
  return { code, message: message.slice(0, KEPT_MESSAGE), retryable };
}

/** The run's line in the ledger; null when it has used nothing: it called no model, or was refused. */
export function usedBy(deps: Deps, job: Job, { run, usage }: RunEnd): RunResult["used"] {
  if (!usage || usage.input_tokens + usage.output_tokens === 0) return null;
  const { task, model, keyId } = job;
  return { run, task, model, keyId, price: usage.cost_usd === null ? null : priceOf(deps, job), usage };
}

/** Null for a model that is no longer listed: what the run has cost is known all the same. */
function priceOf(deps: Deps, { task, model }: Job): Price | null {
  const kind = findTask(task)?.kind;
  if (!kind || model === null) return null;
  return deps.config.catalogue.find(model, kind)?.price ?? null;
}

// Runs one claimed job: load its input, run its task within its time, settle, tell.

import { AppError } from "../core/errors";
import { moveEvent } from "../core/events";
import type { Announced } from "../core/gate/report";
import type { Job, WholeJob } from "../core/job";
import type { Outcome } from "../core/outcome";
import { parseRoute, presentTarget } from "../core/route";
import type { LogMessage } from "../core/streams/job-log";
import { NOTHING_SAID, type Said, saidAfter } from "../core/streams/said";
import { addUsage, type Usage } from "../core/usage";
import type { Deps } from "../deps";
import type { Llm } from "../llm/llm";
import { errorField } from "../log";
import type { FetchOptions } from "../net/public-fetch";
import { openWholeJob } from "../store/sealed-job";
import type { TaskContext } from "../tasks/define";
import { findTask } from "../tasks/index";
import type { Ends } from "./after-end";
import { type Calls, reportOf } from "./call-report";
import { conclude, concludeLost } from "./conclude";
import type { SlotReturns } from "./gates";
import { loadInput } from "./load-input";
import type { StreamWriter } from "./log-writer";
import { createNarrator, type Narrator } from "./narrator";
import { awaitNextCall } from "./next-call";
import type { Outbox } from "./outbox";
import { readChildren } from "./read-children";
import { resume } from "./resume";
import type { RunEnd } from "./settle";
import { reachOf } from "./task-reach";
import { findUnsettled } from "./unsettled";
import type { ActiveRun, Watch } from "./watch";

/** What a run needs beyond the database: a way to models, for this job only, and to what URLs in its input name. */
export type RunDeps = Deps & {
  fetchUrl: FetchOptions["fetch"];
  createLlm(run: {
    job: { id: string; attempt: number };
    /** The name of the secret whose key is to be used, when the provider has several. */
    key: string | null;
    signal: AbortSignal;
    onUsage(usage: Usage): void;
    onSend(): void;
    onHeaders(announced: Announced | null): void;
    beforeCall(size: { inputChars: number; maxOutputTokens: number | null }): Promise<void>;
  }): Llm;
};

/** What the runs of an invocation share. */
export type RunTools = {
  watch: Watch;
  outbox: Outbox;
  slots: SlotReturns;
  ends: Ends;
  /** How to write the stream of a job. */
  openStream(job: Job): StreamWriter;
};

/** What a run has streamed so far; what a cancelled job keeps. */
type Streamed = { said: Said };

const ABORT_GRACE_MS = 250;

/** Never throws: whatever happens, the job is settled or left to its lease. */
export async function runJob(deps: RunDeps, run: ActiveRun, tools: RunTools): Promise<void> {
  const { job } = run;
  const narrator = createNarrator(deps, job, tools);
  narrator.move(moveEvent(job, run.startedAt));
  try {
    const calls: Calls = { sent: 0, announced: null };
    const end = await perform(deps, run, job, narrator, calls);
    // Before the end is stored: the next in line need not wait for that.
    if (job.pool !== null && !run.lost) {
      deps.background(tools.slots.tell(job.pool, job.id, reportOf(end, calls)));
    }
    if (run.lost) narrator.abandon();
    const settled = run.lost
      ? await concludeLost(deps, job, end)
      : await conclude(deps, job, end, narrator, tools.ends);
    await narrator.finish();
    // After the news is out: local dev takes 2 ms to print a line.
    if (settled !== "kept") logEnd(deps, run, settled);
  } catch (error) {
    narrator.abandon();
    deps.log("settle_failed", { job: job.id, run: job.run, error: errorField(error) });
  } finally {
    tools.watch.remove(run);
  }
}

async function perform(
  deps: RunDeps,
  run: ActiveRun,
  job: WholeJob,
  narrator: Narrator,
  calls: Calls,
): Promise<RunEnd> {
  let usage: Usage | null = null;
  const streamed: Streamed = { said: NOTHING_SAID };
  const onUsage = (used: Usage) => {
    usage = usage ? addUsage(usage, used) : used;
  };
  let timer = 0;
  const task = findTask(job.task);
  try {
    const unsettled = await findUnsettled(deps, job);
    if (unsettled) return unsettled;
    narrator.begin();
    const llm = createLlmFor(deps, run, calls, onUsage);
    const opened = await openWholeJob(deps.vault, job);
    run.progress = opened.progress;
    const early = await resume(deps, job, stateOf(opened));
    if (early) return { ...ending(run), result: { ok: true, outcome: early }, usage };
    const text = await loadInput(deps, job);
    // Only now: the time of the attempt is not to be spent on waiting for our own storage.
    timer = setTimeout(() => run.controller.abort(new AppError("timeout")), job.timeoutMs);
    const outcome = await runTask(job.task, text, contextOf(deps, run, opened, narrator, streamed, llm));
    return { ...ending(run), result: { ok: true, outcome }, usage };
  } catch (thrown) {
    const error = toAppError(deps, job, thrown, run.controller.signal);
    // Whatever else the task has under way ends with it.
    run.controller.abort(error);
    const { said } = streamed;
    const partial = said.text || said.reasoning ? task?.partial?.(said, job.model ?? "") : null;
    return { ...ending(run), result: { ok: false, error, partial: partial ?? null }, usage };
  } finally {
    clearTimeout(timer);
  }
}

function createLlmFor(
  deps: RunDeps,
  { job, controller }: ActiveRun,
  calls: Calls,
  onUsage: (used: Usage) => void,
): Llm {
  return deps.createLlm({
    job,
    key: presentTarget(parseRoute(job.route))?.key ?? null,
    signal: controller.signal,
    onUsage,
    onSend: () => {
      calls.sent += 1;
    },
    onHeaders: (announced) => {
      // A provider does not have to say it every time.
      calls.announced = announced ?? calls.announced;
    },
    beforeCall: (size) => awaitNextCall(deps, job, size, controller.signal),
  });
}

function ending({ job, progress, startedAt }: ActiveRun): Pick<RunEnd, "progress" | "startedAt" | "run"> {
  return { progress, startedAt, run: job.run };
}

async function runTask(name: string, text: string, ctx: TaskContext): Promise<Outcome> {
  const task = findTask(name);
  // A task that is not there was deployed away: an operator's mistake that the next deploy may mend.
  if (!task)
    throw new AppError("unknown_task", {
      message: `No task "${name}" in this deployment.`,
      retryable: true,
    });
  const input = task.input.safeParse(JSON.parse(text));
  if (!input.success) throw new AppError("input_invalid", { message: input.error.issues[0]?.message });
  return untilAborted(task.run(input.data, ctx), ctx.signal);
}

/**
 * The promise, or the signal's reason once it aborts: a task that ignores its signal must not hold the job. A task that
 * obeys it gets a moment to close its provider call, which is when the usage of what was cut off becomes known.
 */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  let grace = 0;
  const onAbort = () => {
    grace = setTimeout(() => reject(signal.reason), ABORT_GRACE_MS);
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    clearTimeout(grace);
    signal.removeEventListener("abort", onAbort);
  }
}

function contextOf(
  deps: RunDeps,
  run: ActiveRun,
  job: WholeJob,
  narrator: Narrator,
  streamed: Streamed,
  llm: Llm,
): TaskContext {
  const say = (message: LogMessage) => {
    streamed.said = saidAfter(streamed.said, message);
    narrator.say(message);
  };
  return {
    llm,
    model: job.model ?? "",
    progress(done, total, message) {
      run.progress = { done, total: total ?? null, message: message ?? null };
      narrator.progress(run.progress);
    },
    stream: {
      write: (text) => say({ type: "text", text }),
      reasoning: (text) => say({ type: "reasoning", text }),
      toolCall: (piece) => say({ type: "tool_call", ...piece }),
    },
    signal: run.controller.signal,
    attempt: job.attempt,
    state: stateOf(job),
    children: readChildren(deps, job),
    ...reachOf(deps, job, run.controller.signal),
    metadata: job.metadata,
    log: (event, fields) => deps.log(event, { job: job.id, run: job.run, ...fields }),
  };
}

function stateOf({ turnState }: WholeJob): unknown {
  return turnState === null ? null : JSON.parse(turnState);
}

function toAppError(deps: Deps, job: WholeJob, thrown: unknown, signal: AbortSignal): AppError {
  if (signal.aborted && signal.reason instanceof AppError) return signal.reason;
  if (thrown instanceof AppError) return thrown;
  // The name only: a message may quote the input, as that of JSON.parse does.
  const error = thrown instanceof Error ? thrown.name : typeof thrown;
  deps.log("task_failed", { job: job.id, task: job.task, run: job.run, error });
  return new AppError("task_failed", { message: errorField(thrown), cause: thrown });
}

function logEnd(deps: Deps, run: ActiveRun, settled: Job | null): void {
  const { id: job, task, attempt, run: number } = run.job;
  const ended = settled && { task, attempt, state: settled.state, code: settled.error?.code };
  const ms = deps.now() - run.startedAt;
  deps.log(ended ? "run_ended" : "run_superseded", { job, run: number, ...ended, ms });
}

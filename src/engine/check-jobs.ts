// Checks requested jobs against their tasks and the configured models. Every problem is named, with its place.

import { z } from "zod";
import type { CacheRequest } from "../core/cache";
import { AppError, type ErrorItem } from "../core/errors";
import { fieldProblem } from "../core/field-problems";
import type { Lane } from "../core/lifecycle";
import { LIMITS } from "../core/limits";
import { costUsd } from "../core/usage";
import type { Candidate, Catalogue } from "../llm/models";
import type { NewJob } from "../store/submit";
import type { Task } from "../tasks/define";
import { findTask, tasks } from "../tasks/index";
import { cacheUse } from "./cache-key";
import { drawPlace } from "./draw-place";

/** A job as it is asked for. The contract has checked all but `task` and `input`. */
export type JobRequest = {
  task: string;
  input: unknown;
  channel?: string;
  tags?: string[];
  metadata?: Record<string, unknown>;
  lane?: Lane;
  priority?: number;
  run_at?: string;
  delay_s?: number;
  expires_in_s?: number;
  max_attempts?: number;
  timeout_s?: number;
  stream?: boolean;
  retention_s?: number;
  fair_key?: string;
  concurrency?: { key: string; limit: number };
  on_budget?: "wait" | "fail";
  cache?: CacheRequest;
  idempotency_key?: string;
};

/** What a browser token may submit; null: anything. */
export type SubmitLimits = { channel: string | null; tasks: string[] | null; models: string[] | null };

type CheckedJob = Omit<
  NewJob,
  | "id"
  | "rerun_of"
  | "hash"
  | "key_id"
  | "input_bytes"
  | "input_key"
  | "parent_id"
  | "depth"
  | "custom_id"
  | "error"
  | "fingerprint"
  | "cache_key"
> & {
  /** What is asked, in one text: equal for equal questions. Null: the job uses no cache. */
  question: string | null;
};

/** Throws one AppError for all of them: of the first problem, with the whole list as `errors` when there are several. */
export function checkJobs(
  catalogue: Catalogue,
  requests: JobRequest[],
  { limits, list = false, random }: { limits?: SubmitLimits; list?: boolean | "items"; random(): number },
): CheckedJob[] {
  const problems: { error: AppError; items: ErrorItem[] }[] = [];
  const checked: CheckedJob[] = [];
  for (const [index, request] of requests.entries()) {
    try {
      checked.push(checkJob(catalogue, request, limits, random));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      problems.push({
        error,
        items: placed(error, list && { index, name: list === "items" ? "items" : "jobs" }),
      });
    }
  }
  const first = problems[0];
  if (!first) return checked;
  const errors = problems.flatMap((problem) => problem.items);
  throw new AppError(first.error.code, {
    message:
      errors.length > 1
        ? `${errors.length} problems. The first: ${first.error.message}`
        : first.error.message,
    param: errors[0]?.param,
    errors,
  });
}

function placed(error: AppError, place: { index: number; name: string } | false): ErrorItem[] {
  const items = error.errors ?? [{ param: error.param ?? "", message: error.message }];
  if (!place) return items;
  const { index, name } = place;
  return items.map((item) => ({ ...item, index, param: `${name}[${index}].${item.param}` }));
}

function checkJob(
  catalogue: Catalogue,
  request: JobRequest,
  limits: SubmitLimits | undefined,
  random: () => number,
): CheckedJob {
  const task = taskOf(request, limits);
  const input = checkInput(task, request.input);
  const text = inputText(input, task.maxInputBytes ?? LIMITS.inputBytes);
  const candidates = modelsOf(catalogue, task, input, limits);
  const concurrency = request.concurrency ?? task.concurrency?.(input) ?? null;
  return {
    task: task.name,
    channel: limits?.channel ?? request.channel ?? null,
    tags: [...new Set(request.tags ?? [])],
    metadata: request.metadata ? JSON.stringify(request.metadata) : null,
    lane: request.lane ?? task.lane ?? "default",
    priority: request.priority ?? 0,
    ...drawPlace(task, candidates, random),
    stream: request.stream ?? false,
    max_attempts: request.max_attempts ?? task.defaults.max_attempts,
    timeout_ms: (request.timeout_s ?? task.defaults.timeout_s) * 1_000,
    run_at: request.run_at ? Date.parse(request.run_at) : null,
    delay_ms: request.delay_s === undefined ? null : request.delay_s * 1_000,
    expires_in_ms: request.expires_in_s === undefined ? null : request.expires_in_s * 1_000,
    retention_ms: request.retention_s === undefined ? null : request.retention_s * 1_000,
    idempotency_key: request.idempotency_key ?? null,
    fair_key: request.fair_key ?? null,
    concurrency_key: concurrency?.key ?? null,
    concurrency_limit: concurrency?.limit ?? null,
    on_budget: request.on_budget === "fail" ? "fail" : null,
    ...sizeOf(task, input, text, candidates),
    ...cacheUse(request.cache, task, input, candidates),
    input: text,
  };
}

/** Throws `unknown_task`, which names those that there are. */
export function knownTask(name: string): Task {
  const task = findTask(name);
  if (task) return task;
  const names = tasks.map((known) => known.name).join(", ");
  throw new AppError("unknown_task", { param: "task", message: `No task "${name}". There are: ${names}.` });
}

function taskOf(request: JobRequest, limits: SubmitLimits | undefined): Task {
  const task = knownTask(request.task);
  if (limits?.tasks && !limits.tasks.includes(task.name)) {
    throw new AppError("forbidden", {
      param: "task",
      message: `This token may not submit the task "${task.name}".`,
    });
  }
  return task;
}

function checkInput(task: Task, input: unknown): unknown {
  const parsed = task.input.safeParse(input);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.map((issue) => fieldProblem(issue, ["input"]));
  const message = errors[0] ? `${errors[0].param}: ${errors[0].message}` : undefined;
  throw new AppError("input_invalid", { param: errors[0]?.param, message, errors });
}

/** They would not come back from the database as they went in. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;

const withModel = z.object({ model: z.string().optional() });

/** All that the job may run on; each of them must be allowed, and so must those that its children run on. */
function modelsOf(
  catalogue: Catalogue,
  task: Task,
  input: unknown,
  limits: SubmitLimits | undefined,
): Candidate[] {
  const kind = task.kind ?? task.childKind;
  if (!kind) return [];
  const wanted = withModel.safeParse(input);
  const candidates = catalogue.resolveAll(wanted.success ? wanted.data.model : undefined, kind);
  for (const { model } of candidates) checkName(model.model, limits);
  return task.kind === null ? [] : candidates;
}

function checkName(model: string, limits: SubmitLimits | undefined): void {
  if (UNPRINTABLE.test(model)) {
    const message = "expected the name of a model, without control characters or lone surrogates";
    throw new AppError("unknown_model", { param: "input.model", message: `input.model: ${message}` });
  }
  if (limits?.models && !limits.models.includes(model)) {
    const message = `This token may not use the model "${model}". It may use: ${limits.models.join(", ")}.`;
    throw new AppError("forbidden", { param: "input.model", message });
  }
}

/** Output tokens of a job that sets no limit, for what it may cost at the most: longer answers are rare. */
const USUAL_OUTPUT_TOKENS = 4_096;

/** What the job's tokens are estimated from, and what a run of it may use at the most, whichever model it runs on. */
function sizeOf(task: Task, input: unknown, text: string, candidates: Candidate[]) {
  const { chars, maxOutputTokens } = task.size?.(input) ?? { chars: text.length, maxOutputTokens: null };
  const size = { input_chars: chars, max_output_tokens: maxOutputTokens };
  if (candidates.length === 0) return { ...size, reserve_tokens: null, reserve_nano_usd: null };
  const tokens = {
    // Three characters a token: most text has more, so that the reservation is rather too large.
    input_tokens: Math.ceil(chars / 3),
    output_tokens: task.kind === "embedding" ? 0 : (maxOutputTokens ?? USUAL_OUTPUT_TOKENS),
    cached_tokens: 0,
  };
  // Of the dearest model that it may come to; unknown as soon as one of them has no price.
  const costs = candidates.map(({ model }) => costUsd(tokens, model.price)).filter((cost) => cost !== null);
  return {
    ...size,
    reserve_tokens: tokens.input_tokens + tokens.output_tokens,
    reserve_nano_usd: costs.length < candidates.length ? null : Math.ceil(Math.max(...costs) * 1e9),
  };
}

function inputText(input: unknown, maxBytes: number): string {
  const text = JSON.stringify(input);
  // Four bytes a character at the most: most inputs need no counting.
  if (text.length * 4 > maxBytes && new TextEncoder().encode(text).byteLength > maxBytes) {
    const message = `The input is larger than ${maxBytes} bytes.`;
    throw new AppError("payload_too_large", { param: "input", message });
  }
  return text;
}

// What a job asks, by the one name that equal jobs have in the cache.

import { type CacheRequest, type CacheSettings, cacheSettings, questionText } from "../core/cache";
import { AppError } from "../core/errors";
import type { Candidate } from "../llm/models";
import type { Task } from "../tasks/define";
import { sha256 } from "./sha256";

export type CacheUse = {
  cache: CacheSettings | null;
  /** One text for equal questions; null: the job uses no cache. */
  question: string | null;
};

/** `input` as the task has parsed it. Throws `input_invalid` for a task that gives files. The name of a model says no more than the models that it stands for. */
export function cacheUse(
  request: CacheRequest | undefined,
  task: Task,
  input: unknown,
  candidates: Candidate[],
): CacheUse {
  const cache = cacheSettings(request);
  if (!cache) return { cache, question: null };
  if (task.writesFiles?.(input)) {
    const message = "cache: the output of this job is in files, which no other job can have. Leave it out.";
    throw new AppError("input_invalid", { param: "cache", message });
  }
  const { model: _, ...rest } = Object(input) as { model?: unknown };
  const models = candidates.map(({ model }) => model.model);
  const asked = { task: task.name, models, input: task.kind === null ? input : rest, scope: cache.scope };
  return { cache, question: questionText(asked) };
}

/** The job as it goes on from its check. */
export async function withCacheKey<J extends { question: string | null }>(
  job: J,
): Promise<Omit<J, "question"> & { cache_key: string | null }> {
  const { question, ...rest } = job;
  return { ...rest, cache_key: question === null ? null : await sha256(question) };
}

// How a job uses the cache: what it asks for, and the bounds of that.

import { canonicalJson } from "./canonical";

/** use: an answer that is there will do. refresh: a new one is wanted, and kept. off: none is looked for, and none kept. */
export const CACHE_MODES = ["use", "refresh", "off"] as const;
export type CacheMode = (typeof CACHE_MODES)[number];

/** As it is asked for. Nobody outside can ask to `revalidate`: for a new answer, unless there is one or it is under way. */
export type CacheRequest = {
  ttl_s?: number;
  stale_s?: number;
  mode?: CacheMode | "revalidate";
  scope?: string;
  tags?: string[];
};

/** As a job keeps it. */
export type CacheSettings = {
  mode: Exclude<CacheMode, "off"> | "revalidate";
  /** An answer that is at most so old is good. */
  ttl_ms: number;
  /** And for so much longer it is given while a new one is made. */
  stale_ms: number;
  scope: string | null;
  tags: string[];
};

const DEFAULT_TTL_S = 86_400;

/** Null: the job uses no cache. */
export function cacheSettings(request: CacheRequest | undefined): CacheSettings | null {
  if (!request || request.mode === "off") return null;
  const { ttl_s = DEFAULT_TTL_S, stale_s = 0, mode = "use", scope = null, tags = [] } = request;
  return { mode, ttl_ms: ttl_s * 1_000, stale_ms: stale_s * 1_000, scope, tags: [...new Set(tags)] };
}

/** What a job asks. */
export type Question = {
  task: string;
  /** `provider/model` of each that may answer. */
  models: string[];
  /** As the task has parsed it, without the name of a model. */
  input: unknown;
  scope: string | null;
};

/** One text for equal questions: all that changes the answer, and nothing else. */
export function questionText({ task, models, input, scope }: Question): string {
  return canonicalJson({ task, models: [...new Set(models)].sort(), input, scope });
}

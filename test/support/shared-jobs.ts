// Jobs that ask the same: stored, run and ended in the database, without an engine around them.

import { env } from "cloudflare:workers";
import type { CacheSettings } from "../../src/core/cache";
import { TIMING } from "../../src/core/limits";
import type { Usage } from "../../src/core/usage";
import { endRun } from "../../src/store/run-ends";
import { insertJobs, type NewJob } from "../../src/store/submit";
import { aNewJob, PROJECT } from "./factory";
import { aResult, claimOne } from "./moves";

const SETTINGS: CacheSettings = { mode: "use", ttl_ms: 60_000, stale_ms: 0, scope: null, tags: [] };

export const USED: Usage = {
  input_tokens: 10,
  output_tokens: 20,
  cached_tokens: 0,
  reasoning_tokens: 0,
  cost_usd: 0.5,
};

export function aSharedJob(over: Partial<NewJob> = {}, cache: Partial<CacheSettings> = {}): NewJob {
  return aNewJob({ cache_key: "question", ...over, cache: { ...SETTINGS, ...cache } });
}

/** Submits them in one transaction. */
export function storeShared(jobs: NewJob[], db = env.DB, projectId = PROJECT) {
  return insertJobs(db, projectId, jobs, null, TIMING);
}

/** Claims the job and completes it with this text. */
export async function answer(id: string, text = "tea", projectId = PROJECT, db = env.DB): Promise<void> {
  const claimed = await claimOne({ projectId, id, run: 0 }, db);
  if (!claimed) throw new Error(`not claimed: ${id}`);
  const inline = JSON.stringify({ text });
  const output = { bytes: inline.length, inline, key: null };
  await endRun(db, claimed, { state: "completed", move: "complete" }, { ...aResult, usage: USED, output });
}

/** Claims the job and fails it with this code. */
export async function fail(id: string, code: string, projectId = PROJECT): Promise<void> {
  const claimed = await claimOne({ projectId, id, run: 0 });
  if (!claimed) throw new Error(`not claimed: ${id}`);
  const error = { code, message: "no", retryable: false };
  await endRun(
    env.DB,
    claimed,
    { state: "failed", move: "fail" },
    { ...aResult, error, fingerprint: "0123456789abcdef" },
  );
}

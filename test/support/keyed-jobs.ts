// Jobs with a concurrency key: made, rung, claimed, and run to their end.

import { env } from "cloudflare:workers";
import type { WholeJob } from "../../src/core/job";
import { answerDoorbells } from "../../src/engine/answer";
import { runBatch } from "../../src/engine/run-batch";
import type { NewJob } from "../../src/store/submit";
import { promptFor, type TestDeps } from "./deps";
import { PROJECT } from "./factory";
import { storedJob } from "./rows";

export const keyed = (over: Partial<NewJob> = {}): Partial<NewJob> => ({
  ...promptFor(""),
  concurrency_key: "customer-7",
  concurrency_limit: 1,
  ...over,
});

export const bell = (job: { id: string; projectId?: string }) => ({
  p: job.projectId ?? PROJECT,
  id: job.id,
});

/** A job that holds its key, claimed by a doorbell and not yet run. */
export async function holder(deps: TestDeps, over: Partial<NewJob> = {}): Promise<WholeJob> {
  const { jobs } = await answerDoorbells(deps, [bell(await storedJob(keyed(over)))]);
  if (!jobs[0]) throw new Error("not claimed");
  return jobs[0];
}

export async function finishRun(deps: TestDeps, job: WholeJob): Promise<void> {
  await runBatch(deps, { jobs: [job], suspects: [] });
  await deps.backgroundDone();
}

/** Nobody holds or waits for a key, and nothing is paused. */
export async function clearJobs(): Promise<void> {
  await env.DB.batch(["jobs", "pauses"].map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
}

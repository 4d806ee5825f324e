// Jobs that use up budgets: of known cost, submitted many at a time, and rung as the queue would.

import { env } from "cloudflare:workers";
import type { Job } from "../../src/core/job";
import { TIMING } from "../../src/core/limits";
import { insertJobs, type NewJob } from "../../src/store/submit";
import { acmeChat, answer } from "../llm/fake-provider";
import { ringFor, type TestDeps, testDeps } from "./deps";
import { aNewJob, PROJECT } from "./factory";

/** A job of the provider's answer: 100 tokens in and 10 out, 110 of 150 reserved; 200 of 300 micro-dollars. */
export const costing: Partial<NewJob> = { ...acmeChat, reserve_tokens: 150, reserve_nano_usd: 300_000 };

export const calling = () => testDeps({ fetch: async () => answer() });

export async function submitted(count: number, over: Partial<NewJob> = {}): Promise<Job[]> {
  const jobs = Array.from({ length: count }, () => aNewJob({ ...costing, ...over }));
  return insertJobs(env.DB, PROJECT, jobs, null, TIMING);
}

/** As many doorbells at a time as a batch of the queue holds, all batches at once. */
export async function ringAll(deps: TestDeps, jobs: Pick<Job, "projectId" | "id">[]): Promise<void> {
  const batches = Array.from({ length: Math.ceil(jobs.length / 10) }, (_, i) =>
    jobs.slice(i * 10, i * 10 + 10),
  );
  await Promise.all(batches.map((batch) => ringFor(deps, ...batch)));
}

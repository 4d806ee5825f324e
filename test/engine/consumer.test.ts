import {
  createExecutionContext,
  createMessageBatch,
  getQueueResult,
  waitOnExecutionContext,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import consumer from "../../src/consumer";
import type { Doorbell, Env } from "../../src/env";
import { PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { storedJob, theJob, theRow } from "../support/rows";

function batchOf(bells: Doorbell[], options: { queue?: string; attempts?: number } = {}) {
  const messages = bells.map((body, i) => {
    return { id: `m${i}`, timestamp: new Date(), attempts: options.attempts ?? 1, body };
  });
  return createMessageBatch<Doorbell>(options.queue ?? "errand-jobs", messages);
}

async function deliver(batch: MessageBatch<Doorbell>, over: Partial<Env> = {}) {
  const ctx = createExecutionContext();
  await consumer.queue(batch, { ...env, ...over }, ctx);
  await waitOnExecutionContext(ctx);
  return getQueueResult(batch, ctx);
}

describe("the queue consumer", () => {
  it("acknowledges a batch and runs its jobs", async () => {
    const jobs = [await storedJob(), await storedJob()];
    const result = await deliver(batchOf(jobs.map(({ id }) => ({ p: PROJECT, id }))));
    expect(result).toMatchObject({ ackAll: true, retryMessages: [] });
    for (const { id } of jobs) expect(await theJob(id)).toMatchObject({ state: "completed", run: 1 });
  });

  it("puts the doorbells back when the database is away, and leaves the jobs alone", async () => {
    const wrapped = wrapDb(env.DB);
    wrapped.fail(10);
    const job = await storedJob();
    const batch = batchOf([{ p: PROJECT, id: job.id }]);
    const result = await deliver(batch, { DB: wrapped.db });
    expect(result).toMatchObject({ ackAll: false, retryMessages: [{ msgId: "m0" }] });
    expect(await theJob(job.id)).toMatchObject({ state: "pending", run: 0, version: 1 });
  });

  it.each([
    [1, 2],
    [2, 4],
    [5, 32],
    [6, 60],
    [100, 60],
  ])("puts a doorbell back at delivery %i for %i seconds", async (attempts, delaySeconds) => {
    const wrapped = wrapDb(env.DB);
    wrapped.fail(10);
    const batch = batchOf([{ p: PROJECT, id: "job_1" }], { attempts });
    const retry = vi.spyOn(batch.messages[0] ?? batch, "retry" as never);
    await deliver(batch, { DB: wrapped.db });
    expect(retry).toHaveBeenCalledWith({ delaySeconds });
  });

  it("puts the doorbells back when the settings are broken", async () => {
    const result = await deliver(batchOf([{ p: PROJECT, id: "job_1" }]), { PROVIDERS: "nonsense" });
    expect(result.retryMessages).toHaveLength(1);
  });

  it("buries dead letters, and leaves their jobs to the clock", async () => {
    const job = await storedJob();
    const result = await deliver(batchOf([{ p: PROJECT, id: job.id }], { queue: "errand-dead" }));
    expect(result.ackAll).toBe(true);
    expect(await theRow(job.id)).toMatchObject({ state: "pending", version: job.version });
  });

  it("wakes the clock when the cron trigger comes", async () => {
    const armed = vi.fn(async () => {});
    const clock = { getByName: () => ({ wake: armed }) } as unknown as Env["CLOCK"];
    const ctx = createExecutionContext();
    await consumer.scheduled({} as ScheduledController, { ...env, CLOCK: clock }, ctx);
    await waitOnExecutionContext(ctx);
    expect(armed).toHaveBeenCalledOnce();
  });
});

// A job that takes the whole process down each time it runs, as one that exceeds memory or CPU does in production.

import { afterAll, beforeAll, expect, it } from "vitest";
import { findWorkerd, killWorkerd } from "../support/crash.mjs";
import { MortalServer } from "../support/mortal-server";
import { type Provider, startProvider } from "../support/provider-server.mjs";
import { type Body, generate } from "../support/service";

const TIMING = { lease_s: 3, ring_check_s: 2, clock_pass_s: 1, max_crashes: 3 };
const PATIENCE_MS = 60_000;

let provider: Provider;
let server: MortalServer;

beforeAll(async () => {
  provider = await startProvider();
  server = new MortalServer(provider, TIMING);
  await server.start();
});

afterAll(async () => {
  await server?.stop();
  await provider?.stop();
  server?.state.remove();
});

/** Two batches of the queue and a half; where the poison stands, and how long the others take: most are under way when it strikes. */
const JOBS = 12;
const POISON_AT = 6;
const slow = (i: number): Body => generate(`local/echo@${500 + 500 * (i % 8)}`);

const callsOf = (id: string) => provider.requests.filter(({ job }) => job === id).length;

/** Local workerd has no limits of memory or CPU that a job could break: it dies when the model sees the poison's prompt. */
async function killAtEachRun(id: string, times: number): Promise<void> {
  for (let run = 1; run <= times; run++) {
    await provider.until(() => callsOf(id) >= run);
    expect(killWorkerd(server.pid)).toBe(1);
    await expect.poll(() => findWorkerd(server.pid).length, { timeout: PATIENCE_MS }).toBe(1);
  }
}

it("a job that kills its isolate fails after three runs, and all that were posted with it complete at their first attempt", async () => {
  const service = await server.up;
  const bodies = Array.from({ length: JOBS }, (_, i) =>
    i === POISON_AT ? generate("local/silent") : slow(i),
  );
  const jobs = await service.submitAll(bodies);
  const poison = jobs[POISON_AT]?.id ?? "";
  await killAtEachRun(poison, TIMING.max_crashes);

  const look = () => Promise.all(jobs.map(({ id }) => service.get(`/v1/jobs/${id}`)));
  const states = async () => (await look()).map(({ state }) => state);
  const expected = jobs.map(({ id }) => (id === poison ? "failed" : "completed"));
  await expect.poll(states, { timeout: PATIENCE_MS, interval: 250 }).toEqual(expected);
  for (const job of await look()) {
    if (job.id === poison) expect(job).toMatchObject({ run: 3, attempt: 1, error: { code: "crashed" } });
    else expect(job).toMatchObject({ attempt: 1, error: null });
  }
  expect(callsOf(poison)).toBe(3);
});

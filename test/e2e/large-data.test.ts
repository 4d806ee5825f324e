// Large inputs and outputs on a database that, as D1 does, takes no value and no row over 2 MB.

import { afterAll, beforeAll, expect, it } from "vitest";
import type { JobOnWire } from "../../src/contract/job";
import { type Harness, startHarness } from "../support/harness";
import { type Provider, startProvider } from "../support/provider-server.mjs";
import { type Body, generate, type Output, type Service } from "../support/service";

const D1_LIMIT = 2_000_000;
const BULK_JOBS = 1_000;
const BULK_BYTES = 9_900_000;

let provider: Provider;
let harness: Harness;
let service: Service;

beforeAll(async () => {
  provider = await startProvider();
  harness = await startHarness(["bounded"], provider);
  service = harness.service;
});

afterAll(async () => {
  await harness?.stop();
  await provider?.stop();
});

/** The largest row of each table, in bytes. */
async function largestRows(): Promise<Record<string, number>> {
  const db: D1Database = (await harness.server.getWorker().getEnv()).DB;
  const sizes: Record<string, number> = {};
  for (const table of ["jobs", "idempotency_keys", "job_tags"]) {
    const { results: columns } = await db
      .prepare(`SELECT name FROM pragma_table_info('${table}')`)
      .all<{ name: string }>();
    const sum = columns.map(({ name }) => `COALESCE(LENGTH(CAST("${name}" AS BLOB)), 0)`).join(" + ");
    sizes[table] = (await db.prepare(`SELECT MAX(${sum}) AS size FROM ${table}`).first<number>("size")) ?? 0;
  }
  return sizes;
}

/** Half of them as large as fits into a row, half of them larger; in letters of one, two and three bytes. */
function bulkBodies(channel: string): Body[] {
  const texts = ["a", "ä", "語"];
  return Array.from({ length: BULK_JOBS }, (_, i) => {
    const text = texts[i % 3] ?? "";
    const bytes = i % 2 === 0 ? 8_000 : 10_300;
    const prompt = text.repeat(Math.floor(bytes / new TextEncoder().encode(text).byteLength));
    return {
      task: "generate",
      input: { prompt, model: `sandbox/chat!reply=Answer ${i}` },
      channel,
      lane: "bulk",
      tags: ["large"],
      idempotency_key: `${i}-${"語".repeat(200)}`,
    };
  });
}

it("the database refuses what is one byte over the limit", async () => {
  const answer = await service.get<{ fits: number; error: string }>("/too-large");
  expect(answer.fits).toBe(D1_LIMIT / 2);
  expect(answer.error).toContain("SQLITE_TOOBIG");
});

it("a thousand jobs with 9.9 MB of inputs are stored in one request and all complete", async () => {
  const channel = "large-bulk";
  const jobs = bulkBodies(channel);
  const bytes = new TextEncoder().encode(JSON.stringify({ jobs })).byteLength;
  expect(bytes).toBeGreaterThan(BULK_BYTES);
  expect(bytes).toBeLessThan(10_000_000);

  const socket = await service.listenToChannel(channel);
  const stored = await service.submitAll(jobs);
  expect(stored).toHaveLength(BULK_JOBS);
  await socket.untilEnded(BULK_JOBS);
  await socket.close();
  for (const i of [0, 1, 998, 999]) {
    const job = await service.get(`/v1/jobs/${stored[i]?.id}`);
    expect(job.output).toMatchObject({ text: `Answer ${i}` });
    expect(await service.get(`/v1/jobs/${job.id}/input`)).toEqual(jobs[i]?.input);
  }
  const again = await service.post<{ data: JobOnWire[] }>("/v1/jobs/bulk", { jobs });
  expect(again.status).toBe(200);
  expect(again.body.data.map(({ id }) => id)).toEqual(stored.map(({ id }) => id));
  for (const size of Object.values(await largestRows())) expect(size).toBeLessThan(D1_LIMIT);
});

it("a job with an input of 1 MB keeps it whole and completes", async () => {
  const overhead = JSON.stringify({ prompt: "", model: "local/ok" }).length;
  const prompt = "語".repeat(Math.floor((1_000_000 - overhead) / 3));
  const { id } = await service.submit({ task: "generate", input: { prompt, model: "local/ok" } });
  expect((await service.ended(id)).state).toBe("completed");
  expect(await service.get(`/v1/jobs/${id}/input`)).toEqual({ prompt, model: "local/ok" });
});

it("a job with an output of several MB completes, and hands it out by its output_url", async () => {
  const { id } = await service.submit(generate("local/huge"));
  const job = await service.ended(id);
  expect(job).toMatchObject({ state: "completed", output: null, output_url: `/v1/jobs/${id}/output` });
  expect(job.output_bytes).toBeGreaterThan(2 * D1_LIMIT);
  const output = await service.get<Output>(job.output_url ?? "");
  expect(new TextEncoder().encode(JSON.stringify(output)).byteLength).toBe(job.output_bytes);
});

it("a long text that is cancelled half-way keeps what there was of it", async () => {
  const { id } = await service.submit(generate("sandbox/chat!tokens=100000,tps=50000"));
  const socket = await service.listenToJob(id);
  await service.post(`/v1/jobs/${id}/cancel`);
  await socket.untilType("job.cancelled");
  await socket.close();
  const output = await service.get<Output>(`/v1/jobs/${id}/output`);
  expect(output.finish_reason).toBe("cancelled");
  expect(output.text.length).toBeGreaterThan(8_192);
});

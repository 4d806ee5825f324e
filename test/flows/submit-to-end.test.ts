import { env, exports } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { JobOnWire } from "../../src/contract/job";
import { hubName } from "../../src/core/hubs";
import { fallDue } from "../support/age";
import { listenTo } from "../support/listener";
import { theRow } from "../support/rows";

const PATIENT = { timeout: 12_000, interval: 50 };

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const authorization = `Bearer ${env.ROOT_KEY}`;
  const response = await exports.default.fetch(`http://errand.test${path}`, {
    method,
    headers: { authorization, "content-type": "application/json", ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return { status: response.status, json: (await response.json()) as JobOnWire & { data: JobOnWire[] } };
}

const post = (body: unknown, headers?: Record<string, string>) => call("POST", "/v1/jobs", body, headers);
const get = async (id: string) => (await call("GET", `/v1/jobs/${id}`)).json;
const generate = (model = "sandbox/chat", over = {}) => {
  return { task: "generate", input: { prompt: "Tea in Lisbon", model }, ...over };
};

async function ended(id: string, state = "completed"): Promise<JobOnWire> {
  await vi.waitFor(async () => expect(await get(id)).toMatchObject({ state }), PATIENT);
  return get(id);
}

describe("a job that is submitted", () => {
  it("travels the queue and completes", async () => {
    const { status, json } = await post(generate("sandbox/chat!reply=Good morning"));
    expect(status).toBe(202);
    const job = await ended(json.id);
    expect(job).toMatchObject({ run: 1, attempt: 1, output: { text: "Good morning" }, error: null });
    expect(job.usage?.output_tokens).toBeGreaterThan(0);
  });

  it("tells its story to its channel in order", async () => {
    const listener = await listenTo(hubName("default", "story", ""), { channel: "story" });
    const { json } = await post(generate("sandbox/chat", { channel: "story" }));
    await ended(json.id);
    await vi.waitFor(() => expect(listener.events().at(-1)?.type).toBe("job.completed"), PATIENT);
    const versions = new Map(listener.events().map(({ type, version }) => [type, version]));
    expect(versions.get("job.completed")).toBe(3);
    expect([...versions.keys()].filter((type) => type !== "job.submitted")).toEqual([
      "job.started",
      "job.completed",
    ]);
  });

  it("comes through a provider that fails twice", { timeout: 20_000 }, async () => {
    const { json } = await post(generate("sandbox/chat!status=500,times=2"));
    const job = await ended(json.id);
    expect(job).toMatchObject({ attempt: 3, run: 3 });
    expect(job.attempts?.map(({ error }) => error?.code)).toEqual([
      "provider_error",
      "provider_error",
      undefined,
    ]);
  });

  it("fails when it uses up its attempts", async () => {
    const { json } = await post(generate("sandbox/chat!status=503", { max_attempts: 1 }));
    expect(await ended(json.id, "failed")).toMatchObject({ attempt: 1, error: { code: "provider_error" } });
  });

  it("waits for its time", async () => {
    const { json } = await post(generate("sandbox/chat", { delay_s: 3_600 }));
    expect(json).toMatchObject({ state: "pending", reason: "scheduled" });
    await fallDue(json.id);
    await env.CLOCK.getByName("clock").armFor(0);
    const job = await ended(json.id);
    expect(job.run).toBe(1);
  });

  it("starts by itself a moment later when it was asked to", async () => {
    const { json } = await post(generate("sandbox/chat", { delay_s: 0.5 }));
    const job = await ended(json.id);
    expect(Date.parse(job.started_at ?? "")).toBeGreaterThanOrEqual(Date.parse(job.created_at) + 500);
  });

  it("makes vectors", async () => {
    const input = { input: ["tea", "coffee", "tea time"], model: "sandbox/embedding" };
    const { json } = await post({ task: "embed", input });
    const job = await ended(json.id);
    const output = job.output as { embeddings: number[][]; dimensions: number };
    expect(output.embeddings.map(({ length }) => length)).toEqual([256, 256, 256]);
    expect(job.progress).toMatchObject({ done: 3, total: 3 });
  });

  it("ends cancelled when it is cancelled while it runs", async () => {
    const { json } = await post(generate("sandbox/chat!tokens=4000,tps=50"));
    await ended(json.id, "running");
    await call("POST", `/v1/jobs/${json.id}/cancel`);
    expect(await ended(json.id, "cancelled")).toMatchObject({ run: 1, error: null });
  });

  it("comes back ended when the caller waits for it", async () => {
    const { status, json } = await post(generate("sandbox/chat!ttft_ms=100"), { prefer: "wait=10" });
    expect([status, json.state]).toEqual([200, "completed"]);
  });
});

describe("many jobs", () => {
  it("of one submit all complete, each in one run", { timeout: 40_000 }, async () => {
    const jobs = Array.from({ length: 1_000 }, () =>
      generate("sandbox/chat!tokens=5", { lane: "bulk", channel: "bulk" }),
    );
    const { status, json } = await call("POST", "/v1/jobs/bulk", { jobs });
    expect([status, json.data.length]).toEqual([202, 1_000]);
    const count =
      "SELECT state, MAX(run) AS run, COUNT(*) AS count FROM jobs WHERE channel = 'bulk' GROUP BY state";
    await vi.waitFor(
      async () => {
        const { results } = await env.DB.prepare(count).all();
        expect(results).toEqual([{ state: "completed", run: 1, count: 1_000 }]);
      },
      { timeout: 35_000, interval: 250 },
    );
  });

  it("that are equal and have one key are one job with one run", async () => {
    const headers = { "idempotency-key": "a hundred at once" };
    const answers = await Promise.all(Array.from({ length: 100 }, () => post(generate(), headers)));
    expect(new Set(answers.map(({ json }) => json.id)).size).toBe(1);
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(99);
    const id = answers[0]?.json.id ?? "";
    await ended(id);
    expect(await theRow(id)).toMatchObject({ run: 1, attempt: 1, version: 3 });
  });
});

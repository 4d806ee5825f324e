// errand.generate(): one job, whose words are shown as it says them, whatever is lost on the way.

import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import {
  ConflictError,
  type GenerateStream,
  InvalidRequestError,
  RateLimitError,
  type StreamPart,
} from "../../client/src/index";
import { connect, dontPause } from "../support/client-wire";
import { type Break, GenerateServer } from "../support/generate-server";
import { call, mint } from "../support/http-client";
import { scripted } from "../support/scripted-fetch";
import { batch, END, rollback, text } from "../support/stream-frames";

const TEA = { prompt: "tea" };

/** A run that breaks off, and another one; with letters of several bytes. */
const STORY = [
  [text("Grün"), text("er Ka")],
  [rollback("Grün"), text("er ")],
  [{ type: "progress", done: 1, total: null, message: null } as const],
  [text("Tee ☕"), END],
];
const WHOLE = "Grüner Tee ☕";

const error = { type: "invalid_request_error", code: "input_invalid", message: "no", param: "input.prompt" };

async function shown(stream: GenerateStream): Promise<string> {
  let words = "";
  for await (const part of stream) {
    if (part.type === "text") words += part.text;
    if (part.type === "reset") words = part.text;
  }
  return words;
}

const listed = (breaks: Break[]) => (nth: number) => breaks[nth - 1];

it("tells the job, its words and its end over one connection", async () => {
  const server = new GenerateServer(STORY);
  const stream = server.errand.generate(TEA);
  expect((await stream.job).id).toBe("job_1");
  const parts: StreamPart[] = [];
  for await (const part of stream) parts.push(part);
  expect(parts.map(({ type }) => type)).toEqual([
    ...["text", "text", "reset", "text", "progress", "text", "end"],
  ]);
  expect(await stream.text()).toBe(WHOLE);
  expect(server.paths).toEqual(["POST /v1/generate"]);
});

it("asks for what was said, without a task, and with a key of its own making for each call", async () => {
  const server = new GenerateServer(STORY);
  const options = { channel: "c", tags: ["t"], maxAttempts: 2, onBudget: "fail" as const };
  await server.errand.generate(TEA, options).text();
  const said = { input: TEA, channel: "c", tags: ["t"], max_attempts: 2, on_budget: "fail" };
  expect(server.asked[0]?.body).toEqual(said);
  await server.errand.generate(TEA).text();
  await server.errand.generate(TEA, { idempotencyKey: "mine" }).text();
  expect(server.asked[2]?.headers.get("idempotency-key")).toBe("mine");
  expect(server.jobs.size).toBe(3);
});

it("shows each letter once, and makes one job, when the connection is cut at any byte", async () => {
  dontPause();
  const { bytes } = new GenerateServer(STORY);
  for (let cut = 0; cut < bytes; cut++) {
    const server = new GenerateServer(STORY, listed([cut]));
    const stream = server.errand.generate(TEA);
    expect([cut, await shown(stream), await stream.text()]).toEqual([cut, WHOLE, WHOLE]);
    expect([(await stream.job).id, server.jobs.size]).toEqual(["job_1", 1]);
  }
});

it("shows each letter once, and makes one job, however often it is cut, refused or put off", async () => {
  dontPause();
  const cut = fc.nat({ max: new GenerateServer(STORY).bytes });
  const busy = fc.constant("busy" as const);
  const breaks = fc.array(fc.oneof(cut, busy, fc.constant("refuse" as const)), { maxLength: 8 });
  const property = fc.asyncProperty(breaks, async (plan) => {
    const toBreak = (one: (typeof plan)[number]) =>
      one === "busy" ? new Response("", { status: 503 }) : one;
    const server = new GenerateServer(STORY, listed(plan.map(toBreak)), { maxRetries: plan.length });
    const stream = server.errand.generate(TEA);
    expect([await shown(stream), await stream.text()]).toEqual([WHOLE, WHOLE]);
    expect(server.jobs.size).toBe(1);
  });
  await fc.assert(property, { numRuns: 100 });
});

it("submits again under the same key until it knows the job, and only reads from then on", async () => {
  dontPause();
  const { bytes } = new GenerateServer(STORY);
  const server = new GenerateServer(STORY, listed(["refuse", 40, bytes - 60, 0]));
  expect(await server.errand.generate(TEA).text()).toBe(WHOLE);
  expect(server.paths).toEqual([
    ...["POST /v1/generate", "POST /v1/generate", "POST /v1/generate"],
    ...["GET /v1/jobs/job_1/stream?offset=0_3&live=sse", "GET /v1/jobs/job_1/stream?offset=0_3&live=sse"],
  ]);
  const keys = server.asked.slice(0, 3).map(({ headers }) => headers.get("idempotency-key"));
  expect(new Set(keys).size).toBe(1);
});

it("is not given up once the job is known, whatever comes then", async () => {
  dontPause();
  const { bytes } = new GenerateServer([]);
  const server = new GenerateServer(STORY, (nth) => (nth === 1 ? bytes : nth < 10 ? "refuse" : undefined));
  const stream = server.errand.generate(TEA);
  expect((await stream.job).id).toBe("job_1");
  expect(await stream.text()).toBe(WHOLE);
  expect(server.paths.slice(1)).toEqual(Array(9).fill("GET /v1/jobs/job_1/stream?offset=-1&live=sse"));
});

it("goes on where it was left, as the stream of its job", async () => {
  const server = new GenerateServer(STORY);
  const first = server.errand.generate(TEA);
  await first.next();
  await first.next();
  first.close();
  const { id } = await first.job;
  const rest = server.errand.jobs.stream(id, { offset: first.offset, text: "Grüner Ka" });
  expect(await rest.text()).toBe(WHOLE);
  expect(server.paths.at(-1)).toBe("GET /v1/jobs/job_1/stream?offset=0_1&live=sse");
});

it("comes again after a 503, no sooner than the server asks", async () => {
  dontPause();
  vi.useFakeTimers();
  const busy = () => new Response("", { status: 503, headers: { "retry-after": "7" } });
  const { errand, times } = scripted([busy, () => new Response(batch([text("a"), END], "0_1", true))]);
  const words = errand.generate(TEA).text();
  await vi.runAllTimersAsync();
  expect(await words).toBe("a");
  vi.useRealTimers();
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(7_000);
});

it.each([
  ["says what is wrong with the input", 400, InvalidRequestError],
  ["says that the key has another body", 409, ConflictError],
] as const)("%s, asked once", async (_, status, Kind) => {
  dontPause();
  const told = { ...error, type: status === 400 ? error.type : "conflict_error" };
  const server = new GenerateServer(STORY, () => Response.json({ error: told }, { status }));
  const stream = server.errand.generate(TEA);
  await expect(stream.next()).rejects.toMatchObject({ param: "input.prompt", status });
  await expect(stream.text()).rejects.toBeInstanceOf(Kind);
  await expect(stream.job).rejects.toBeInstanceOf(Kind);
  expect(server.asked).toHaveLength(1);
});

it("gives up when nobody ever answers, and at once when it should wait for longer than a minute", async () => {
  dontPause();
  const away = new GenerateServer(STORY, () => "refuse");
  await expect(away.errand.generate(TEA).job).rejects.toMatchObject({ code: "connection_failed" });
  expect(away.asked).toHaveLength(3);
  const headers = { "retry-after": "3600" };
  const full = new GenerateServer(STORY, () => new Response("", { status: 429, headers }));
  await expect(full.errand.generate(TEA).job).rejects.toBeInstanceOf(RateLimitError);
  expect(full.asked).toHaveLength(1);
});

it("hangs up when it is left, before the job is known too, and cancels nothing", async () => {
  const never = () => new Promise<Response>(() => {});
  const closed = scripted([never]);
  const stream = closed.errand.generate(TEA);
  const waiting = stream.next();
  await vi.waitFor(() => expect(closed.urls).toHaveLength(1));
  stream.close();
  expect(await waiting).toEqual({ done: true, value: undefined });
  await expect(stream.job).rejects.toMatchObject({ name: "AbortError" });
  const aborting = new AbortController();
  const aborted = scripted([never]);
  const left = aborted.errand.generate(TEA, { signal: aborting.signal });
  await vi.waitFor(() => expect(aborted.urls).toHaveLength(1));
  aborting.abort(new Error("enough"));
  await expect(left.next()).rejects.toThrow("enough");
  await expect(left.job).rejects.toThrow("enough");
  expect([closed.urls.length, aborted.urls.length]).toEqual([1, 1]);
  expect(closed.inits[0]?.signal?.aborted).toBe(true);
});

describe("with the Worker", () => {
  /** The first attempt breaks off half-way; the second says it all. */
  const BROKEN_ONCE = { ...TEA, model: "sandbox/chat!tokens=60,cut=40,times=1,tps=600" };

  it("is a job as any other, which a token may make that may read it", async () => {
    const channel = "generate-token";
    const { errand, wire } = connect({ token: await mint({ channel, allow: ["read", "submit"] }) });
    const stream = errand.generate({ ...TEA, model: "sandbox/chat!reply=Green tea" }, { tags: ["t"] });
    expect(await stream.text()).toBe("Green tea");
    const { id } = await stream.job;
    const job = await errand.jobs.get(id);
    expect(job).toMatchObject({
      state: "completed",
      channel,
      tags: ["t"],
      lane: "interactive",
      stream: true,
    });
    expect(wire.connections).toHaveLength(1);
  });

  it("tells each letter once, and makes one job, wherever it is cut while the model writes", async () => {
    dontPause();
    let nth = 0;
    const property = fc.asyncProperty(fc.array(fc.nat({ max: 2_000 }), { maxLength: 4 }), async (bytes) => {
      const channel = `generate-${++nth}`;
      const cut = (nth: number) => {
        const most = bytes[nth - 1];
        return most === undefined ? undefined : { frames: 1, bytes: most };
      };
      const { errand } = connect({ maxRetries: bytes.length, faults: { connection: cut } });
      const stream = errand.generate(BROKEN_ONCE, { channel });
      const words = await shown(stream);
      const { id } = await stream.job;
      expect(words).toBe((await errand.jobs.output<{ text: string }>(id)).text);
      expect(await stream.text()).toBe(words);
      const { body } = await call<{ data: unknown[] }>("GET", `/v1/jobs?channel=${channel}`);
      expect(body.data).toHaveLength(1);
    });
    await fc.assert(property, { numRuns: 8 });
  }, 60_000);

  it("refuses an input that is wrong, and a key that has another body", async () => {
    const { errand, wire } = connect();
    const wrong = errand.generate({ ...TEA, temperature: 99 });
    await expect(wrong.next()).rejects.toMatchObject({ param: "input.temperature" });
    await errand.generate(TEA, { idempotencyKey: "generate-once" }).text();
    const other = errand.generate({ prompt: "coffee" }, { idempotencyKey: "generate-once" });
    await expect(other.job).rejects.toBeInstanceOf(ConflictError);
    expect(wire.connections).toHaveLength(3);
  });
});

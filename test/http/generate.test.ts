import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { JobOnWire } from "../../src/contract/job";
import { jobLogId } from "../../src/core/streams/job-log";
import { shardOf } from "../../src/core/streams/stream";
import type { JobLog } from "../../src/durable/job-log";
import { anId, PROJECT } from "../support/factory";
import { type Ask, call, expectError, mint, open } from "../support/http-client";
import { theJob } from "../support/rows";
import { followStream, shown } from "../support/stream-reader";

const PATIENT = { timeout: 10_000, interval: 25 };

const body = (model: string, over = {}) => ({ input: { prompt: "Tea in Lisbon", model }, ...over });
const SLOW = body("sandbox/chat!tokens=600,tps=100");

type Message = { type: string; text?: string; state?: string };

/** A live call, with its events as they come. */
async function ask(json: unknown, more: Ask = {}) {
  const response = await open("POST", "/v1/generate", { json, ...more });
  expect(response.status).toBe(200);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  async function* blocks(): AsyncGenerator<{ event: string; data: string }> {
    for (;;) {
      const end = rest.indexOf("\n\n");
      if (end < 0) {
        const { done, value = "" } = (await reader?.read()) ?? { done: true };
        if (done) return;
        rest += value;
        continue;
      }
      const [event = "", data = ""] = rest.slice(0, end).split("\n");
      rest = rest.slice(end + 2);
      yield { event: event.slice("event: ".length), data: data.slice("data:".length) };
    }
  }
  const events = blocks();
  const first = (await events.next()).value as { event: string; data: string };
  expect(first.event).toBe("job");
  return {
    headers: response.headers,
    job: JSON.parse(first.data) as JobOnWire,
    /** The next messages; null: the stream has ended. */
    async next(): Promise<Message[] | null> {
      for (;;) {
        const { done, value } = await events.next();
        if (done) return null;
        if (value.event === "data") return JSON.parse(value.data) as Message[];
      }
    },
    async rest(): Promise<Message[]> {
      const messages: Message[] = [];
      for (let some = await this.next(); some; some = await this.next()) messages.push(...some);
      return messages;
    },
    hangUp: () => reader?.cancel(),
  };
}

const textOf = (job: { output: string | null }) => (JSON.parse(job.output ?? "{}") as { text: string }).text;
const ended = (id: string, state: string) =>
  vi.waitFor(async () => expect((await theJob(id)).state).toBe(state), PATIENT);

describe("POST /v1/generate", () => {
  it("answers with the job, which runs already, and with all that it says", async () => {
    const live = await ask(body("sandbox/chat!tokens=30,tps=300", { tags: ["post"] }));
    expect(live.job).toMatchObject({ task: "generate", state: "running", stream: true, lane: "interactive" });
    expect(live.job.tags).toEqual(["post"]);
    expect(live.headers.get("location")).toBe(`/v1/jobs/${live.job.id}`);
    const messages = await live.rest();
    expect(messages.length).toBeGreaterThan(5);
    expect(messages.at(-1)).toEqual({ type: "end", state: "completed", error: null });
    const job = await theJob(live.job.id);
    expect(job).toMatchObject({ state: "completed", run: 1, attempt: 1 });
    expect(shown(messages)).toBe(textOf(job));
    expect(shown((await call<Message[]>("GET", `/v1/jobs/${job.id}/stream`)).body)).toBe(textOf(job));
  });

  it("goes on when the connection is lost, and can be read from anywhere else", async () => {
    const live = await ask(body("sandbox/chat!tokens=100,tps=200"));
    await live.next();
    await live.hangUp();
    const reader = followStream(live.job.id);
    await reader.ended;
    const job = await theJob(live.job.id);
    expect(reader.text).toBe(textOf(job));
    // Who reads a run that lives does not have it taken over.
    expect(job.run).toBe(1);
  });

  it("is stopped by a cancel, and keeps its text so far", async () => {
    const live = await ask(SLOW);
    await live.next();
    await call("POST", `/v1/jobs/${live.job.id}/cancel`);
    const messages = await live.rest();
    expect(messages.at(-1)).toMatchObject({ type: "end", state: "cancelled" });
    const job = await theJob(live.job.id);
    expect(textOf(job).length).toBeGreaterThan(0);
    expect(job.usage?.output_tokens).toBeGreaterThan(0);
  });

  it("gives the same job for the same Idempotency-Key, and its stream from the start", async () => {
    const headers = { "idempotency-key": anId("key") };
    const json = body("sandbox/chat!tokens=50,tps=200");
    const first = await ask(json, { headers });
    await first.next();
    const second = await ask(json, { headers });
    expect(second.job.id).toBe(first.job.id);
    const messages = await second.rest();
    expect(shown(messages)).toBe(textOf(await theJob(first.job.id)));
    await first.hangUp();
    const other = { ...json, tags: ["other"] };
    expectError(await call("POST", "/v1/generate", { json: other, headers }), "idempotency_mismatch");
  });

  it.each([
    ["a delay", { delay_s: 5 }, "delay_s"],
    ["a lane", { lane: "bulk" }, "lane"],
    ["another task", { task: "embed" }, "task"],
  ])("takes no %s", async (_, over, param) => {
    const answer = await call("POST", "/v1/generate", { json: body("sandbox/chat", over) });
    expect(expectError(answer, "invalid_request", "body").message).toContain(param);
  });

  it("takes an input as large as a submit does", async () => {
    const live = await ask({ input: { prompt: "tea ".repeat(220_000), model: "sandbox/chat!reply=Hi" } });
    expect(shown(await live.rest())).toBe("Hi");
  });

  it("names what is wrong with the input before anything is stored", async () => {
    const answer = await call("POST", "/v1/generate", { json: { input: { model: "sandbox/chat" } } });
    expectError(answer, "input_invalid", "input.prompt");
  });

  it("needs a token that may submit and read", async () => {
    const json = body("sandbox/chat!reply=Hi", { channel: "live" });
    for (const allow of [["submit"], ["read"]]) {
      const token = await mint({ channel: "live", allow });
      expectError(await call("POST", "/v1/generate", { key: token, json }), "forbidden");
    }
    const token = await mint({ channel: "live", allow: ["submit", "read"] });
    const live = await ask(json, { key: token });
    expect(shown(await live.rest())).toBe("Hi");
  });
});

describe("a live call that may not start at once", () => {
  it("waits for its turn at the gate like any other, and its stream begins then", async () => {
    const model = "sandbox/limited!tokens=40,tps=100";
    const lives = await Promise.all(Array.from({ length: 3 }, () => ask(body(model))));
    // A limited pool begins with one request a second.
    expect(lives.map(({ job }) => job.state).sort()).toEqual(["pending", "pending", "running"]);
    for (const live of lives) {
      const messages = await live.rest();
      expect(shown(messages)).toBe(textOf(await theJob(live.job.id)));
    }
  }, 20_000);

  it("waits while its concurrency key is taken, and starts when it is free", async () => {
    const concurrency = { key: anId("key"), limit: 1 };
    const first = await ask(body("sandbox/chat!tokens=60,tps=100", { concurrency }));
    const second = await ask(body("sandbox/chat!reply=Hi", { concurrency }));
    expect([first.job.state, second.job.state]).toEqual(["running", "pending"]);
    expect(shown(await second.rest())).toBe("Hi");
    expect((await theJob(first.job.id)).state).toBe("completed");
    await first.hangUp();
  }, 20_000);
});

describe("a live call whose object dies", () => {
  it("is taken over as soon as somebody reads on, and the answer is read once", async () => {
    const live = await ask(body("sandbox/chat!tokens=80,tps=100"));
    const { id } = live.job;
    const reader = followStream(id);
    await reader.untilSome();
    const log = env.JOB_LOG.getByName(shardOf(jobLogId({ projectId: PROJECT, id })));
    const died = runInDurableObject<JobLog, void>(log, (_, state) => state.abort("killed by a test"));
    await died.catch(() => {});
    await ended(id, "completed");
    await reader.ended;
    const job = await theJob(id);
    expect(job).toMatchObject({ run: 2, attempt: 1, crashes: 1 });
    expect(reader.text).toBe(textOf(job));
    await live.hangUp();
  }, 20_000);
});

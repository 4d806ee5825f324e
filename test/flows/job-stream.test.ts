// The stream of a job while everything around it fails: what a reader shows is what the job has said, no more and no less.

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AppError } from "../../src/core/errors";
import { jobLogId } from "../../src/core/streams/job-log";
import { shardOf } from "../../src/core/streams/stream";
import type { JobLog } from "../../src/durable/job-log";
import { answerDoorbells } from "../../src/engine/answer";
import { eventStream, textChunk, usageChunk } from "../llm/fake-provider";
import { fallDue } from "../support/age";
import { ringFor, type TestDeps, testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import { SEED } from "../support/fault-rounds";
import { call } from "../support/http-client";
import { changeRow, storedJob, theJob } from "../support/rows";
import { followStream, shown, shownBeside } from "../support/stream-reader";

const WORDS = "Tea came to Lisbon by ship, and stayed. ".split(" ").map((word) => `${word} `);
const ENDING = [textChunk("", "stop"), usageChunk({ prompt_tokens: 9, completion_tokens: 9 }), "[DONE]"];

/** A run that has ended its job by then has said its last words, or never will. */
const LONG_AGO = { finished_at: Date.now() - 60_000 };

const input = '{"prompt":"Tea in Lisbon","model":"acme/chat"}';
const newJob = () => storedJob({ model: "acme/chat", stream: true, max_attempts: 9, input });

const logOf = (id: string) => env.JOB_LOG.getByName(shardOf(jobLogId({ projectId: PROJECT, id })));

/** The object dies, with all that it has not stored. */
async function kill(id: string): Promise<void> {
  const died = runInDurableObject<JobLog, void>(logOf(id), (_, state) => state.abort("killed by a test"));
  await died.catch(() => {});
}

type Message = Parameters<typeof shown>[0][number];

const read = async (id: string) => (await call<Message[]>("GET", `/v1/jobs/${id}/stream`)).body;

/** Runs the job until it has ended, however often that is. */
async function runToEnd(deps: TestDeps, id: string): Promise<string> {
  return (await outputAtEnd(deps, id)).text;
}

type Output = { text: string; reasoning?: string; tool_calls?: { arguments: string }[] };

async function outputAtEnd(deps: TestDeps, id: string): Promise<Output> {
  for (let job = await theJob(id); job.state === "pending"; ) {
    await fallDue(id);
    [job] = (await ringFor(deps, job)) as [typeof job];
    if (job.state !== "pending") return JSON.parse(job.output ?? "null") as Output;
  }
  throw new Error("it did not run");
}

/** A model whose answers break off after so many of the chunks, until it says all of them. */
function breakingOff(chunks: Parameters<typeof eventStream>[0], cuts: number[]): TestDeps {
  const left = [...cuts];
  const fetch = async () => {
    const cut = left.shift();
    return eventStream(cut === undefined ? [...chunks, ...ENDING] : chunks.slice(0, cut));
  };
  return testDeps({ random: () => 0, fetch });
}

describe("text of attempts that are cut off", () => {
  it("is taken back when the next one starts over, wherever it was cut", async () => {
    const cuts = fc.array(fc.nat({ max: WORDS.length - 1 }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(cuts, fc.integer({ min: 1, max: 5 }), async (places, perConnection) => {
        const job = await newJob();
        const chunks = WORDS.map((word) => textChunk(word));
        const deps = breakingOff(chunks, places);
        const reader = followStream(job.id, perConnection);
        const output = await runToEnd(deps, job.id);
        await reader.ended;
        expect(output).toBe(WORDS.join(""));
        expect(reader.text).toBe(output);
        expect(shown(await read(job.id))).toBe(output);
      }),
      { numRuns: 12, seed: SEED },
    );
  }, 60_000);
});

const delta = (words: object) => ({ choices: [{ index: 0, delta: words, finish_reason: null }] });

/** Thinks, speaks, and calls two tools. */
const EVERYTHING = [
  ...["Tea ", "or ", "coffee? "].map((reasoning_content) => delta({ reasoning_content })),
  ...WORDS.slice(0, 3).map((content) => delta({ content })),
  ...["brew", "pour"].flatMap((name, index) => [
    delta({
      tool_calls: [{ index, id: `call_${name}`, type: "function", function: { name, arguments: "" } }],
    }),
    ...['{"cups"', ":", "3}"].map((piece) =>
      delta({ tool_calls: [{ index, function: { arguments: piece } }] }),
    ),
  ]),
];

describe("reasoning and tool calls of attempts that are cut off", () => {
  it("are taken back with the text, and the reader ends with what the output has", async () => {
    const cuts = fc.array(fc.nat({ max: EVERYTHING.length }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(cuts, fc.integer({ min: 1, max: 5 }), async (places, perConnection) => {
        const job = await newJob();
        const deps = breakingOff(EVERYTHING, places);
        const reader = followStream(job.id, perConnection);
        const { text, reasoning, tool_calls } = await outputAtEnd(deps, job.id);
        await reader.ended;
        const brew = { id: "call_brew", name: "brew", arguments: '{"cups":3}' };
        expect(reasoning).toBe("Tea or coffee? ");
        expect(tool_calls).toEqual([brew, { ...brew, id: "call_pour", name: "pour" }]);
        for (const messages of [reader.messages, await read(job.id)]) {
          expect(shownBeside(messages)).toEqual({ reasoning, tool_calls });
          expect(shown(messages)).toBe(text);
        }
      }),
      { numRuns: 12, seed: SEED },
    );
  }, 60_000);
});

/** A provider whose words come when the test says so. */
function spokenBy(): { deps: TestDeps; say(word: string): void; finish(): void } {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const send = (event: unknown) => {
    const text = typeof event === "string" ? event : JSON.stringify(event);
    void writer.write(new TextEncoder().encode(`data: ${text}\n\n`));
  };
  const headers = { "content-type": "text/event-stream" };
  return {
    deps: testDeps({ fetch: async () => new Response(readable, { headers }) }),
    say: (word) => send(textChunk(word)),
    finish() {
      for (const event of ENDING) send(event);
      void writer.close();
    },
  };
}

describe("an object that dies", () => {
  it("loses nothing that a run has said and readers have seen, and doubles nothing, whenever it dies", async () => {
    const { deps, say, finish } = spokenBy();
    const job = await newJob();
    const readers = Array.from({ length: 20 }, () => followStream(job.id));
    await fallDue(job.id);
    const running = ringFor(deps, job);
    let said = "";
    for (const [i, word] of WORDS.entries()) {
      say(word);
      said += word;
      await Promise.all(readers.map((reader) => reader.untilText(said)));
      if (i % 3 === 1) await kill(job.id);
    }
    finish();
    await running;
    await Promise.all(readers.map((reader) => reader.ended));
    for (const reader of readers) expect(reader.text).toBe(said);
    expect(readers[0]?.messages.filter(({ type }) => type === "rollback")).toEqual([]);
    expect(shown(await read(job.id))).toBe(said);
  }, 60_000);
});

describe("the end of a stream", () => {
  it("is told of a job that was cancelled before it ran", async () => {
    const job = await storedJob(
      { model: "acme/chat", stream: true, input },
      { run_at: Date.now() + 3_600_000 },
    );
    const reader = followStream(job.id);
    await call("POST", `/v1/jobs/${job.id}/cancel`);
    await reader.ended;
    expect(reader.messages).toEqual([{ type: "end", state: "cancelled", error: null }]);
  });

  it("is made up for by whoever reads the stream of a job that has ended untold", async () => {
    const job = await storedJob(
      { model: "acme/chat", stream: true, input },
      { state: "failed", run: 1, ...LONG_AGO },
    );
    expect(await read(job.id)).toMatchObject([{ type: "end", state: "failed" }]);
  });
});

describe("an object that is away when a run leaves", () => {
  it("holds up nothing; the end is made up for, and says that the last words are in the output", async () => {
    const job = await newJob();
    const away = {
      fetch: () => Promise.reject(new Error("away")),
      leave: () => Promise.reject(new Error("away")),
    };
    const deps = testDeps({
      fetch: async () => eventStream([...WORDS.map((word) => textChunk(word)), ...ENDING]),
      jobLogs: { getByName: () => away } as unknown as TestDeps["jobLogs"],
    });
    expect(await runToEnd(deps, job.id)).toBe(WORDS.join(""));
    expect(deps.logs.map(({ event }) => event)).toContain("stream_not_left");
    expect(await read(job.id)).toEqual([]);
    await changeRow(job.id, LONG_AGO);
    expect(await read(job.id)).toEqual([{ type: "end", state: "completed", error: null, cut: true }]);
  }, 20_000);
});

describe("a run that has ended its job and is about to leave", () => {
  it("is not forestalled by readers, nor by another doorbell: its last words are in the stream", async () => {
    const job = await newJob();
    let early: Message[] = [];
    const log = logOf(job.id);
    const slow = {
      fetch: (...args: Parameters<typeof log.fetch>) => log.fetch(...args),
      end: (...args: Parameters<JobLog["end"]>) => log.end(...args),
      async leave(...args: Parameters<JobLog["leave"]>) {
        expect((await theJob(job.id)).state).toBe("completed");
        early = await read(job.id);
        await answerDoorbells(deps, [{ p: PROJECT, id: job.id }]);
        await log.leave(...args);
      },
    };
    const deps = testDeps({
      fetch: async () => eventStream([...WORDS.map((word) => textChunk(word)), ...ENDING]),
      jobLogs: { getByName: () => slow } as unknown as TestDeps["jobLogs"],
    });
    expect(await runToEnd(deps, job.id)).toBe(WORDS.join(""));
    expect(early.filter(({ type }) => type === "end")).toEqual([]);
    const messages = await read(job.id);
    expect(shown(messages)).toBe(WORDS.join(""));
    expect(messages.at(-1)).toEqual({ type: "end", state: "completed", error: null });
  }, 20_000);
});

describe("a turn that goes on in another run", () => {
  it("keeps what it said, though the next run is quicker than its own last words", async () => {
    const job = await storedJob({
      model: "acme/chat",
      stream: true,
      input: JSON.stringify({ prompt: "Tea", model: "acme/chat", response_format: { type: "json_object" } }),
    });
    const answers = ["tea, of course", '{"tea": true}'];
    const fetch = async () => eventStream([textChunk(answers.shift() ?? ""), ...ENDING]);
    const log = logOf(job.id);
    const slow = {
      fetch: (...args: Parameters<typeof log.fetch>) => log.fetch(...args),
      mark: (...args: Parameters<JobLog["mark"]>) => log.mark(...args),
      async leave(...args: Parameters<JobLog["leave"]>) {
        expect(await runToEnd(testDeps({ fetch }), job.id)).toBe('{"tea": true}');
        await log.leave(...args);
      },
    };
    const jobLogs = { getByName: () => slow } as unknown as TestDeps["jobLogs"];
    const beforeCall = () => Promise.reject(new AppError("gate_wait", { retryAfterMs: 0 }));
    await fallDue(job.id);
    await ringFor(testDeps({ fetch, jobLogs, beforeCall }), job);
    const messages = await read(job.id);
    expect(messages.map(({ type }) => type)).toEqual(["text", "end"]);
    expect(shown(messages)).toBe("tea, of course");
  }, 20_000);
});

describe("a run that has lost its job", () => {
  it("writes no more", async () => {
    const { deps, say, finish } = spokenBy();
    const job = await newJob();
    const reader = followStream(job.id);
    await fallDue(job.id);
    const running = ringFor(deps, job);
    say("old ");
    await reader.untilText("old ");
    // Another run has begun, and has said something else.
    const socket = (
      await logOf(job.id).fetch(
        `https://log/?produce=${encodeURIComponent(JSON.stringify({ id: jobLogId(job), run: 2, turns: 0 }))}`,
        { headers: { upgrade: "websocket" } },
      )
    ).webSocket;
    socket?.accept();
    await reader.untilText("");
    say("older ");
    finish();
    await running;
    await changeRow(job.id, LONG_AGO);
    const messages = await read(job.id);
    expect(shown(messages)).toBe("");
    expect(messages.filter(({ type }) => type === "end")).toMatchObject([{ state: "completed", cut: true }]);
    socket?.close(1000, "done");
  }, 20_000);
});

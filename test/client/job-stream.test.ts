// jobs.stream(): what a reader shows is what the job has said, over any number of connections.

import fc from "fast-check";
import { describe, expect, expectTypeOf, it, vi } from "vitest";
import { type JobStream, NotFoundError, type StreamPart } from "../../client/src/index";
import type { LogMessage } from "../../src/core/streams/job-log";
import { type Cut, connect, dontPause } from "../support/client-wire";
import { call, finish, generate, later, mint, stop, submit, untilState } from "../support/http-client";
import { scripted } from "../support/scripted-fetch";
import { batch, END, text } from "../support/stream-frames";

const streamed = (model = "sandbox/chat!tokens=60,tps=120", over = {}) =>
  generate({ stream: true, ...over }, model);

/** The first attempt breaks off half-way; the second says it all. */
const BROKEN_ONCE = "sandbox/chat!tokens=60,cut=40,times=1,tps=120";

const outputOf = (job: { output: unknown }) => (job.output as { text: string }).text;

/** What an app shows after these parts. */
function shown(parts: StreamPart[], before = ""): string {
  return parts.reduce(
    (text, part) => (part.type === "reset" ? part.text : part.type === "text" ? text + part.text : text),
    before,
  );
}

async function all(stream: AsyncIterable<StreamPart>): Promise<StreamPart[]> {
  const parts: StreamPart[] = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

async function take(stream: JobStream, count: number): Promise<StreamPart[]> {
  const parts: StreamPart[] = [];
  while (parts.length < count) {
    const { done, value } = await stream.next();
    if (done) break;
    parts.push(value);
  }
  return parts;
}

/** A reset that leaves nothing of what was said. */
const RESET: StreamPart = { type: "reset", text: "", reasoning: "", tool_calls: [] };

const sse = (text: string) => new Response(text);
const refusal = (status: number, error: object) => Response.json({ error }, { status });

describe("a job's stream", () => {
  it("tells the text as it is written, and the end last", async () => {
    const { errand, wire } = connect();
    const job = await submit(streamed());
    const parts = await all(errand.jobs.stream(job.id));
    expect(parts.at(-1)).toEqual({ type: "end", state: "completed", error: null });
    expect(shown(parts)).toBe(outputOf(await errand.jobs.get(job.id)));
    expect(parts.filter(({ type }) => type === "text").length).toBeGreaterThan(2);
    expect(wire.connections).toHaveLength(1);
  });

  it("is the same with a token, which is not put into an address", async () => {
    const channel = "stream-token";
    const token = await mint({ channel, allow: ["read", "submit"] });
    const { errand, wire } = connect({ token });
    const job = await finish(streamed("sandbox/chat!reply=Hello", { channel }));
    expect(await errand.jobs.stream(job.id).text()).toBe("Hello");
    const [connection] = wire.connections;
    expect(connection?.headers.get("authorization")).toBe(`Bearer ${token}`);
    expect(connection?.url.search).toBe("?offset=-1&live=sse");
  });

  it("resets the text when a run that broke off starts over, and ends as the output", async () => {
    const { errand } = connect();
    const job = await submit(streamed(BROKEN_ONCE));
    const parts = await all(errand.jobs.stream(job.id));
    expect(parts.map(({ type }) => type)).toEqual(expect.arrayContaining(["state", "reset", "end"]));
    expect(shown(parts)).toBe(outputOf(await errand.jobs.get(job.id)));
  });

  it("has its text at the end without anyone who iterates, whatever the end is", async () => {
    const { errand } = connect();
    const done = await submit(streamed("sandbox/chat!reply=one two three,tps=200"));
    expect(await errand.jobs.stream(done.id).text()).toBe("one two three");
    const failing = await submit(streamed("sandbox/chat!status=400"));
    expect(await errand.jobs.stream(failing.id).text()).toBe("");
    const cancelled = await submit(later({ stream: true }));
    const stream = errand.jobs.stream(cancelled.id);
    await stop(cancelled.id);
    expect(await stream.text()).toBe("");
    expect((await all(stream)).at(-1)).toMatchObject({ type: "end", state: "cancelled" });
  });

  it("is not found of a job without one, nor of no job", async () => {
    const { errand } = connect();
    const job = await submit(later());
    for (const id of [job.id, "job_unknown"]) {
      const stream = errand.jobs.stream(id);
      await expect(stream.next()).rejects.toBeInstanceOf(NotFoundError);
      await expect(stream.text()).rejects.toBeInstanceOf(NotFoundError);
    }
  });

  it("has parts of the types that the server's messages have", () => {
    type Rolled = Extract<LogMessage, { type: "rollback" }>;
    expectTypeOf<Exclude<LogMessage, Rolled>>().toExtend<StreamPart>();
  });
});

describe("a connection that is cut", () => {
  it("costs no letter and doubles none, at whatever bytes and however often", async () => {
    dontPause();
    const jobs = [await submit(streamed()), await submit(streamed(BROKEN_ONCE))];
    const ended = await Promise.all(jobs.map(({ id }) => untilState(id, "completed")));
    const cuts = fc.array(fc.nat({ max: 4_000 }), { maxLength: 6 });
    const property = fc.asyncProperty(cuts, fc.constantFrom(...ended), async (bytes, job) => {
      const connection = (nth: number): Cut | undefined =>
        bytes[nth - 1] === undefined ? undefined : { frames: 1, bytes: bytes[nth - 1] };
      const { errand } = connect({ maxRetries: bytes.length, faults: { connection } });
      const stream = errand.jobs.stream(job.id);
      const parts = await all(stream);
      expect(shown(parts)).toBe(outputOf(job));
      expect(await stream.text()).toBe(outputOf(job));
      expect(parts.filter(({ type }) => type === "end")).toHaveLength(1);
    });
    await fc.assert(property, { numRuns: 25 });
  }, 60_000);

  it("costs nothing while the job runs, after each frame and within the next", async () => {
    dontPause();
    for (const model of [undefined, BROKEN_ONCE]) {
      const connection = (nth: number): Cut => ({ frames: nth % 2 === 0 ? 2 : 1 });
      const { errand, wire } = connect({ faults: { connection } });
      const job = await submit(streamed(model));
      const parts = await all(errand.jobs.stream(job.id));
      expect(shown(parts)).toBe(outputOf(await errand.jobs.get(job.id)));
      expect(wire.connections.length).toBeGreaterThan(3);
      const offsets = wire.connections.map(({ url }) => url.searchParams.get("offset") ?? "");
      expect(offsets[0]).toBe("-1");
      expect(offsets.slice(2)).toEqual(offsets.slice(2).sort());
    }
  });

  it("between data and their offset tells them again, once", async () => {
    dontPause();
    const [whole, rest] = [batch([text("a")], "0_1"), batch([text("b"), END], "0_2", true)];
    const torn = rest.slice(0, rest.indexOf("event: control"));
    const { errand, urls } = scripted([() => sse(whole + torn), () => sse(rest)]);
    expect(shown(await all(errand.jobs.stream("j")))).toBe("ab");
    expect(urls.map((url) => new URL(url).searchParams.get("offset"))).toEqual(["-1", "0_1"]);
  });

  it("is not given up once one has got through, and is if none ever does", async () => {
    dontPause();
    const lost = () => Promise.reject(new TypeError("connection lost"));
    const answers = [() => sse(batch([text("a")], "0_1")), ...Array.from({ length: 20 }, () => lost)];
    const there = scripted([...answers, () => sse(batch([END], "0_2", true))]);
    expect(await there.errand.jobs.stream("j").text()).toBe("a");
    const away = scripted([lost]);
    await expect(away.errand.jobs.stream("j").next()).rejects.toMatchObject({ code: "connection_failed" });
    expect(away.urls).toHaveLength(3);
  });

  it("comes back no sooner than the server asks", async () => {
    dontPause();
    vi.useFakeTimers();
    const busy = () => new Response("", { status: 503, headers: { "retry-after": "7" } });
    const { errand, times } = scripted([busy, () => sse(batch([END], "0_1", true))]);
    const text = errand.jobs.stream("j").text();
    await vi.runAllTimersAsync();
    await text;
    vi.useRealTimers();
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(7_000);
  });
});

describe("the offset", () => {
  it("goes on behind whatever part was taken last, with no letter lost or doubled", async () => {
    const { errand } = connect();
    const job = await submit(streamed(BROKEN_ONCE));
    await untilState(job.id, "completed");
    const whole = await all(errand.jobs.stream(job.id));
    for (let count = 0; count < whole.length; count++) {
      const first = errand.jobs.stream(job.id);
      const before = await take(first, count);
      const { offset } = first;
      first.close();
      const second = errand.jobs.stream(job.id, { offset, text: shown(before) });
      const after = await all(second);
      const output = outputOf((await call("GET", `/v1/jobs/${job.id}`)).body);
      expect(shown(after, shown(before))).toBe(output);
      expect(await second.text()).toBe(output);
      // Only what was rolled back may come again, and only with the reset that makes it void.
      expect([...before, ...after].filter(({ type }) => type === "end")).toHaveLength(1);
    }
  });

  it("of a part within a batch holds when the batch comes in other pieces", async () => {
    const { errand } = scripted([
      () => sse(batch([text("a")], "0_1") + batch([text("b"), text("c"), text("d"), END], "0_4", true)),
      () => sse(batch([text("b")], "0_2") + batch([text("c"), text("d")], "0_3") + batch([END], "0_4", true)),
    ]);
    const first = errand.jobs.stream("j");
    const before = await take(first, 3);
    first.close();
    const second = errand.jobs.stream("j", { offset: first.offset });
    expect(shown(before) + shown(await all(second))).toBe("abcd");
    expect(second.offset).toBe("0_4");
  });

  it("of what was rolled back meanwhile leads to the rollback", async () => {
    const rollback: LogMessage = { type: "rollback", to: "0_0", text: "" };
    const { errand } = scripted([
      () => sse(batch([text("x"), text("y"), text("z")], "0_3")),
      () => sse(batch([text("x"), rollback, text("new"), END], "1_9", true)),
    ]);
    const first = errand.jobs.stream("j");
    const before = await take(first, 2);
    first.close();
    expect(first.offset).toBe("-1+2");
    const second = errand.jobs.stream("j", { offset: first.offset, text: shown(before) });
    expect(await second.text()).toBe("new");
  });

  it("that the stream does not know leads to a reset, and to the start", async () => {
    dontPause();
    const error = { code: "invalid_request", type: "invalid_request_error", param: "offset", message: "no" };
    const { errand, urls } = scripted([
      () => refusal(400, error),
      () => sse(batch([text("a"), END], "0_1", true)),
    ]);
    const stream = errand.jobs.stream("j", { offset: "0_99", text: "old" });
    expect(await all(stream)).toEqual([RESET, text("a"), END]);
    expect(await stream.text()).toBe("a");
    expect(urls).toHaveLength(2);
    const hopeless = scripted([() => refusal(400, error)]).errand.jobs.stream("j");
    await expect(hopeless.next()).rejects.toMatchObject({ param: "offset" });
  });

  it("behind words that the stream has lost leads to a reset when it has ended without them", async () => {
    dontPause();
    // It has been run again since: what follows in the same breath is told in its turn.
    const whole = batch([text("a"), END], "0_2") + batch([text("b"), END], "0_4", true);
    const { errand } = scripted([() => sse(whole)]);
    const stream = errand.jobs.stream("j", { offset: "-1+3", text: "abc" });
    expect(await stream.text()).toBe("ab");
    expect(await all(stream)).toEqual([RESET, text("a"), END, text("b"), END]);
  });
});

describe("a stream that is left", () => {
  /** A server that never ends what it says, and knows who has hung up. */
  function endless() {
    const cancel = vi.fn();
    const bytes = new TextEncoder().encode(batch([text("a")], "0_1"));
    const start = (body: ReadableStreamDefaultController) => body.enqueue(bytes);
    return { cancel, ...scripted([() => new Response(new ReadableStream({ start, cancel }))]) };
  }

  it("by close() hangs up, ends whoever iterates, and never connects again", async () => {
    const { errand, cancel, urls } = endless();
    const stream = errand.jobs.stream("j");
    await stream.next();
    const waiting = stream.next();
    stream.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await expect(stream.text()).rejects.toMatchObject({ name: "AbortError" });
    await vi.waitFor(() => expect(cancel).toHaveBeenCalled());
    expect(urls).toHaveLength(1);
  });

  it("by leaving the loop hangs up", async () => {
    const { errand, cancel } = endless();
    for await (const part of errand.jobs.stream("j")) if (part.type === "text") break;
    await vi.waitFor(() => expect(cancel).toHaveBeenCalled());
  });

  it("by its signal hangs up, and gives the signal's reason to whoever waits", async () => {
    const { errand, cancel } = endless();
    const controller = new AbortController();
    const stream = errand.jobs.stream("j", { signal: controller.signal });
    await stream.next();
    const waiting = stream.next();
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await expect(stream.text()).rejects.toThrow("enough");
    await vi.waitFor(() => expect(cancel).toHaveBeenCalled());
    const late = errand.jobs.stream("j", { signal: controller.signal });
    await expect(late.next()).rejects.toThrow("enough");
  });
});

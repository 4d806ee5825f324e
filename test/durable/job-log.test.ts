import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { type LogMessage, SHUT_OUT, toLine } from "../../src/core/streams/job-log";
import { parseOffset } from "../../src/core/streams/offset";
import { shardOf } from "../../src/core/streams/stream";
import type { JobLog } from "../../src/durable/job-log";
import type { From } from "../../src/durable/stream-log";
import { Changes } from "../support/changes";
import { anId } from "../support/factory";

const aLog = () => `default/!${anId("job")}`;
const stub = (id: string) => env.JOB_LOG.getByName(shardOf(id));
const line = (text: string) => `${JSON.stringify({ type: "text", text })}\n`;
const BYTES = line("a").length;
const END: LogMessage = { type: "end", state: "completed", error: null };

/** A socket and all that comes over it. */
async function open(id: string, query: Record<string, unknown>) {
  const params = new URLSearchParams(
    Object.entries(query).map(([name, value]) => [name, JSON.stringify(value)]),
  );
  const answer = await stub(id).fetch(`https://log/?${params}`, { headers: { upgrade: "websocket" } });
  const { webSocket: socket, status } = answer;
  const heard: string[] = [];
  const changes = new Changes();
  let code = 0;
  socket?.addEventListener("message", ({ data }) => {
    heard.push(String(data));
    changes.tell();
  });
  socket?.addEventListener("close", (event) => {
    code = event.code;
    changes.tell();
  });
  socket?.accept();
  return {
    status,
    heard,
    send: (frame: string) => socket?.send(frame),
    untilHeard: (count: number) => changes.until(() => heard.length >= count),
    closed: () => changes.until(() => code),
  };
}

const produce = (id: string, run: number, turns = 0) => open(id, { produce: { id, run, turns } });
const follow = (id: string, from: From) => open(id, { follow: { id, from } });

type Frame = { offset: string; closed: boolean; data: LogMessage[] };
const frames = (heard: string[]) => heard.map((text) => JSON.parse(text) as Frame);

async function read(id: string, from: From = "start") {
  const answer = await stub(id).read(id, from, null);
  if (answer.kind !== "read") throw new Error(answer.kind);
  const text = new TextDecoder().decode(answer.page.data);
  const messages = text.split("\n").flatMap((one) => (one ? [JSON.parse(one) as LogMessage] : []));
  return { messages, next: { epoch: answer.page.epoch, at: answer.page.next }, closed: answer.page.closed };
}

const textsOf = (messages: LogMessage[]) =>
  messages.map((message) => (message.type === "text" ? message.text : message.type));

async function kill(id: string): Promise<void> {
  const died = runInDurableObject<JobLog, void>(stub(id), (_, state) => state.abort("killed by a test"));
  await died.catch(() => {});
}

describe("what a run says", () => {
  it("is heard once, however often it says it, and from any place on", async () => {
    const id = aLog();
    const run = await produce(id, 1);
    run.send(`0\n${line("a")}${line("b")}`);
    run.send(`0\n${line("a")}${line("b")}`);
    run.send(`${BYTES}!\n${line("b")}${line("c")}`);
    await run.untilHeard(2);
    expect(textsOf((await read(id)).messages)).toEqual(["a", "b", "c"]);
    expect(JSON.parse(run.heard[1] ?? "")).toEqual({ stored: 3 * BYTES });
  });

  it("is asked for again where something is missing before it", async () => {
    const id = aLog();
    const run = await produce(id, 1);
    run.send(`0\n${line("a")}`);
    run.send(`${3 * BYTES}\n${line("d")}`);
    await run.untilHeard(2);
    expect(JSON.parse(run.heard[1] ?? "")).toEqual({ stored: 0, tail: BYTES });
    expect(textsOf((await read(id)).messages)).toEqual(["a"]);
  });

  it("is told to a reader at once, also after the object has slept", async () => {
    const id = aLog();
    const reader = await follow(id, "start");
    await evictDurableObject(stub(id));
    const run = await produce(id, 1);
    run.send(`0\n${line("a")}`);
    await reader.untilHeard(1);
    expect(frames(reader.heard)).toMatchObject([{ closed: false, data: [{ type: "text", text: "a" }] }]);
  });

  it("is stored when the run asks for it, and else not, so that a dead object says from where it wants it again", async () => {
    const id = aLog();
    const run = await produce(id, 1);
    run.send(`0!\n${line("a")}`);
    run.send(`${BYTES}\n${line("b")}`);
    const reader = await follow(id, "start");
    await reader.untilHeard(1);
    await kill(id);
    const again = await produce(id, 1);
    await again.untilHeard(1);
    expect(JSON.parse(again.heard[0] ?? "")).toEqual({ stored: BYTES, tail: BYTES });
  });
});

describe("a run that leaves", () => {
  const leaving = { run: 1, turns: 0, from: null, lines: new TextEncoder().encode(line("a")), commits: true };

  it("says its last words once, and the stream has ended", async () => {
    const id = aLog();
    for (let i = 0; i < 2; i++) await stub(id).leave(id, { ...leaving, last: END });
    const { messages, closed } = await read(id);
    expect(textsOf(messages)).toEqual(["a", "end"]);
    expect(closed).toBe(true);
  });

  it("leaves what it said to the next one when that goes on, and has it taken back when that starts over", async () => {
    const last: LogMessage = { type: "state", state: "pending", run: 1, attempt: 1, error: null };
    for (const commits of [true, false]) {
      const id = aLog();
      for (let i = 0; i < 2; i++) await stub(id).leave(id, { ...leaving, last, commits });
      await stub(id).leave(id, { ...leaving, run: 2, last: END, lines: new TextEncoder().encode(line("b")) });
      const texts = textsOf((await read(id)).messages);
      expect(texts).toEqual(commits ? ["a", "state", "b", "end"] : ["a", "state", "rollback", "b", "end"]);
    }
  });

  it("leaves its reasoning and its calls too: who starts over behind them says them", async () => {
    const id = aLog();
    const said: LogMessage[] = [
      { type: "reasoning", text: "Hm." },
      { type: "text", text: "a" },
      { type: "tool_call", id: "c", name: "brew", arguments: "" },
      { type: "tool_call", id: "c", name: "brew", arguments: '{"cups":2}' },
    ];
    const last: LogMessage = { type: "state", state: "pending", run: 1, attempt: 1, error: null };
    const lines = new TextEncoder().encode(said.map(toLine).join(""));
    await stub(id).leave(id, { ...leaving, lines, last });
    const lost = new TextEncoder().encode(said.map(toLine).join(""));
    await stub(id).leave(id, { ...leaving, run: 2, lines: lost, last, commits: false });
    await produce(id, 3);
    const { messages } = await read(id);
    const tool_calls = [{ id: "c", name: "brew", arguments: '{"cups":2}' }];
    expect(messages.at(-1)).toMatchObject({ type: "rollback", text: "a", reasoning: "Hm.", tool_calls });
  });

  it("opens the stream of a job again that had ended, and takes back all of it", async () => {
    const id = aLog();
    await stub(id).leave(id, { ...leaving, last: END, commits: false });
    const run = await produce(id, 2);
    await run.untilHeard(1);
    const { messages, closed } = await read(id);
    expect([messages.at(-1)?.type, closed]).toEqual(["rollback", false]);
  });
});

describe("a job that is run again after its end", () => {
  const last: LogMessage = { type: "end", state: "failed", error: null };
  const failed = { run: 1, turns: 0, from: null, lines: new TextEncoder().encode(line("a")), commits: false };

  it("has a stream that is open from then on, whose first run takes back nothing more", async () => {
    const id = aLog();
    await stub(id).leave(id, { ...failed, last });
    for (let i = 0; i < 2; i++) await stub(id).reopen([{ id, run: 1 }]);
    await kill(id);
    const waiting = await read(id);
    expect([waiting.closed, textsOf(waiting.messages)]).toEqual([false, ["a", "end", "rollback"]]);
    const reader = await follow(id, waiting.next);
    const run = await produce(id, 2);
    run.send(`${waiting.next.at}!\n${line("b")}`);
    await reader.untilHeard(1);
    expect(frames(reader.heard).map(({ data }) => textsOf(data))).toEqual([["b"]]);
  });

  it("is not opened again by who comes late", async () => {
    const id = aLog();
    await stub(id).leave(id, { ...failed, run: 2, last });
    await stub(id).reopen([{ id, run: 1 }]);
    expect((await read(id)).closed).toBe(true);
  });
});

describe("a run that ends a turn of its job", () => {
  const lines = (text: string) => new TextEncoder().encode(line(text));
  const rest = { run: 1, turns: 0, from: null, lines: lines("a") };
  const ended = { run: 2, from: null, lines: lines("b"), last: END, commits: true };

  it.each([
    [
      "stays when the database has the turn, though the run could not say that it was over",
      1,
      ["a", "b", "end"],
    ],
    ["is taken back when the database has not", 0, ["a", "rollback", "b", "end"]],
  ])("has said what %s", async (_, turns, texts) => {
    const id = aLog();
    for (let i = 0; i < 2; i++) expect(await stub(id).mark(id, { ...rest, from: 0 })).toBe(BYTES);
    await stub(id).leave(id, { ...ended, turns });
    expect(textsOf((await read(id)).messages)).toEqual(texts);
  });

  it("marks nothing when another has taken its place, nor for the run after one that was started over", async () => {
    const id = aLog();
    await stub(id).mark(id, rest);
    await produce(id, 2);
    expect(await stub(id).mark(id, rest)).toBeNull();
    await stub(id).leave(id, { ...ended, run: 3, turns: 1 });
    expect(textsOf((await read(id)).messages)).toEqual(["a", "rollback", "rollback", "b", "end"]);
  });
});

describe("a later run", () => {
  it("shuts the earlier one out, which is told so", async () => {
    const id = aLog();
    const first = await produce(id, 1);
    await produce(id, 2);
    first.send(`0\n${line("old")}`);
    expect(await first.closed()).toBe(SHUT_OUT);
    expect((await produce(id, 1)).status).toBe(409);
    expect(textsOf((await read(id)).messages)).toEqual(["rollback"]);
  });

  it("takes readers back who have seen what died with the object, and no further", async () => {
    const id = aLog();
    const run = await produce(id, 1);
    run.send(`0!\n${line("a")}`);
    run.send(`${BYTES}\n${line("b")}${line("c")}`);
    await vi.waitFor(async () => expect((await read(id)).next.at).toBe(3 * BYTES));
    const early = await follow(id, "start");
    await early.untilHeard(1);
    const seen = parseOffset(frames(early.heard).at(-1)?.offset ?? "");
    if (!seen) throw new Error("no offset");
    await kill(id);
    await produce(id, 2);
    const late = await follow(id, seen);
    await late.untilHeard(1);
    expect(frames(late.heard)[0]?.data).toMatchObject([{ type: "rollback", text: "" }]);
    expect(textsOf((await read(id, seen)).messages)).toEqual(["rollback"]);
  });
});

describe("a reader who is ahead of an object that has forgotten", () => {
  it("is told only what it has not seen, when the run says it again", async () => {
    const id = aLog();
    const place = { epoch: 0, at: 2 * BYTES };
    const run = await produce(id, 1);
    const reader = await follow(id, place);
    run.send(`0\n${line("a")}`);
    run.send(`${BYTES}\n${line("b")}${line("c")}`);
    await reader.untilHeard(1);
    expect(frames(reader.heard).map(({ data }) => textsOf(data))).toEqual([["c"]]);
  });
});

describe("a job that is erased", () => {
  it("leaves nothing of its stream, and its readers are sent away", async () => {
    const id = aLog();
    const run = await produce(id, 1);
    run.send(`0!\n${line("a")}`);
    const reader = await follow(id, "start");
    await reader.untilHeard(1);
    await stub(id).forget([id]);
    expect(await reader.closed()).toBe(1000);
    expect((await read(id)).messages).toEqual([]);
  });
});

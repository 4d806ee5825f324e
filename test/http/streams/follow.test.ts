import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { FULL, ROUNDS, SEED } from "../../support/fault-rounds";
import {
  type Control,
  eventsIn,
  Follower,
  nextOffset,
  openStream,
  Producer,
  readAll,
  stream,
} from "../../support/stream-client";
import { abortAll, countSockets, cutSockets, evict, logOf } from "../../support/stream-objects";

vi.setConfig({ testTimeout: 60_000 });

const PATIENT = { timeout: 20_000, interval: 5 };

type Fault = "none" | "cut" | "abort" | "evict" | "hang_up";

/** What happens around an append: before it, while it is under way, and after it. */
type Step = { text: string; before: Fault; during: Fault; after: Fault };

const fault = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Fault>("none") },
  { weight: 3, arbitrary: fc.constantFrom<Fault>("cut", "abort", "evict", "hang_up") },
);
const step: fc.Arbitrary<Step> = fc.record({
  // Bytes of several lengths, so that appends of 1 to 3 bytes fall between the characters' own.
  text: fc.string({ unit: fc.constantFrom("a", "ä", "€", "😀", "\n", " ", '"'), minLength: 1, maxLength: 9 }),
  before: fault,
  during: fault,
  after: fault,
});

async function act(name: string, followers: Follower[], kind: Fault): Promise<void> {
  if (kind === "cut") await cutSockets(logOf(name));
  if (kind === "abort") await abortAll();
  if (kind === "evict") await evict(logOf(name));
  if (kind === "hang_up") for (const follower of followers) follower.hangUp();
}

let streams = 0;

/** Appends what the steps say to a new stream that so many follow, and closes it. Returns what was written, and the readers. */
async function play(steps: Step[], readers: number) {
  const name = `followed-${++streams}`;
  await stream("PUT", name);
  const followers = Array.from({ length: readers }, (_, i) => {
    return new Follower(name, i % 2 === 0 ? "sse" : "long-poll");
  });
  const producer = new Producer(name);
  for (const { text, before, during, after } of steps) {
    await act(name, followers, before);
    // A byte-wise producer: what it sends is cut wherever its buffer ends.
    const bytes = new TextEncoder().encode(text);
    const middle = Math.ceil(bytes.byteLength / 2);
    await Promise.all([producer.append(bytes.slice(0, middle)), act(name, followers, during)]);
    if (middle < bytes.byteLength) await producer.append(bytes.slice(middle));
    await act(name, followers, after);
  }
  await producer.append("", { "stream-closed": "true" });
  await Promise.all(followers.map(({ over }) => over));
  return { name, written: steps.map(({ text }) => text).join(""), followers, producer };
}

const sseOf = (followers: Follower[]) => followers.filter((_, i) => i % 2 === 0);

describe("readers whose connections break while a producer repeats what was not answered", () => {
  it("over server-sent events each get every character once and in order, and so does the log", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        const { name, written, followers } = await play(steps, 4);
        expect((await readAll(name)).text).toBe(written);
        for (const { text } of sseOf(followers)) expect(text).toBe(written);
      }),
      { numRuns: FULL ? 20 * ROUNDS : 12, seed: SEED },
    );
  });

  it("lose and double nothing when there are 24 of them, over long-poll too", async () => {
    const faults: Fault[] = ["abort", "none", "cut", "hang_up", "evict", "none", "abort", "cut"];
    const at = (i: number) => faults[i % faults.length] ?? "none";
    const steps = Array.from({ length: 16 }, (_, i) => {
      // Whole characters in each append, which long-poll hands out as bytes.
      return { text: `<${i}>`, before: at(i), during: at(i + 3), after: at(i * 3 + 1) };
    });
    const { name, written, followers } = await play(steps, 24);
    expect((await readAll(name)).text).toBe(written);
    expect(followers.map(({ text }) => text)).toEqual(Array(24).fill(written));
    const connections = followers.map((follower) => follower.connections);
    expect(Math.min(...connections)).toBeGreaterThan(1);
  });
});

describe("an object that sleeps", () => {
  it("keeps its readers: they are told of what is appended when it wakes", async () => {
    await stream("PUT", "sleeping", { text: "before " });
    const followers = Array.from({ length: 3 }, () => new Follower("sleeping", "sse"));
    await vi.waitFor(async () => expect(await countSockets(logOf("sleeping"))).toBe(3), PATIENT);
    await evict(logOf("sleeping"));
    await stream("POST", "sleeping", { text: "after" });
    await vi.waitFor(
      () => expect(followers.map(({ text }) => text)).toEqual(Array(3).fill("before after")),
      PATIENT,
    );
    expect(followers.map(({ connections }) => connections)).toEqual([1, 1, 1]);
    await stream("POST", "sleeping", { headers: { "stream-closed": "true" } });
    await Promise.all(followers.map(({ over }) => over));
  });

  it("has no socket left of readers who went away", async () => {
    await stream("PUT", "leaving");
    const { body } = await openStream("leaving", "offset=-1&live=sse");
    await vi.waitFor(async () => expect(await countSockets(logOf("leaving"))).toBe(1), PATIENT);
    await body?.cancel();
    await vi.waitFor(async () => expect(await countSockets(logOf("leaving"))).toBe(0), PATIENT);
  });
});

describe("a reader who is much slower than the producer", () => {
  it("does not slow it down, and gets all of it once it reads", async () => {
    await stream("PUT", "firehose");
    const { body } = await openStream("firehose", "offset=-1&live=sse");
    const letter = (i: number) => String.fromCharCode(97 + (i % 26));
    const size = 1_000_000;
    for (let i = 0; i < 20; i++) {
      const append = stream("POST", "firehose", { text: letter(i).repeat(size) });
      expect((await append).status).toBe(204);
    }
    await stream("POST", "firehose", { headers: { "stream-closed": "true" } });
    let at = 0;
    let isClosed = false;
    for await (const { event, data } of eventsIn(body)) {
      if (event === "control") isClosed = (JSON.parse(data) as Control).streamClosed === true;
      else {
        // Letter by letter of what a part of it must be: comparing twenty megabytes would show twenty megabytes.
        for (let i = at; i < at + data.length; i += 99_991)
          expect(data[i - at]).toBe(letter(Math.floor(i / size)));
        at += data.length;
      }
    }
    expect([at, isClosed]).toEqual([20 * size, true]);
  });
});

describe("characters that appends have cut in two", () => {
  const bytes = new TextEncoder().encode("ä€😀.");

  it("come whole: no offset that a reader is told lies within one", async () => {
    await stream("PUT", "cut");
    const follower = new Follower("cut", "sse");
    for (const byte of bytes) await stream("POST", "cut", { text: new Uint8Array([byte]) });
    await stream("POST", "cut", { headers: { "stream-closed": "true" } });
    await follower.over;
    expect(follower.text).toBe("ä€😀.");
    const whole = [0, 2, 5, 9, 10];
    for (const { offset } of follower.told) expect(whole).toContain(Number(offset.slice(17)));
    for (const [i, { offset }] of follower.told.entries()) {
      const again = new Follower("cut", "sse", offset);
      await again.over;
      expect(again.text).toBe(
        follower.told
          .slice(i + 1)
          .map(({ text }) => text)
          .join(""),
      );
    }
  });

  it("come whole to whoever is broken off after each byte", async () => {
    await stream("PUT", "cut-and-broken");
    const follower = new Follower("cut-and-broken", "sse");
    for (const [i, byte] of bytes.entries()) {
      const told = nextOffset(await stream("POST", "cut-and-broken", { text: new Uint8Array([byte]) }));
      await vi.waitFor(
        () => expect(follower.isUpToDate && follower.told.length > i, told).toBe(true),
        PATIENT,
      );
      follower.hangUp();
    }
    await stream("POST", "cut-and-broken", { headers: { "stream-closed": "true" } });
    await follower.over;
    expect(follower.text).toBe("ä€😀.");
  });

  it("are left out where only their end is asked for, and never become another one", async () => {
    await stream("PUT", "halves", { text: bytes.slice(0, 1) });
    const { body } = await openStream("halves", "offset=now&live=sse");
    const events = eventsIn(body);
    expect((await events.next()).value?.event).toBe("control");
    await stream("POST", "halves", { text: bytes.slice(1), headers: { "stream-closed": "true" } });
    let text = "";
    for await (const { event, data } of events) if (event === "data") text += data;
    expect(text).toBe("€😀.");
  });

  it("are not cut by pages either, and a byte order mark stays", async () => {
    const text = `\ufeff${"€".repeat(800_000)}`;
    await stream("PUT", "pages", { text, headers: { "stream-closed": "true" } });
    const first = await openStream("pages", "offset=-1");
    expect(first.headers.has("stream-up-to-date")).toBe(false);
    expect(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await first.arrayBuffer())).toBe(
      text.slice(0, 333_333),
    );
    const follower = new Follower("pages", "sse");
    await follower.over;
    expect(follower.text === text).toBe(true);
  });
});

describe("a stream that is deleted while somebody follows it", () => {
  it.each(["sse", "long-poll"])("ends what they read over %s", async (live) => {
    const name = `ending-${live}`;
    await stream("PUT", name);
    const opened = openStream(name, `offset=now&live=${live}`);
    await vi.waitFor(async () => expect(await countSockets(logOf(name))).toBe(1), PATIENT);
    await stream("DELETE", name);
    const response = await opened;
    expect(await response.text()).not.toContain("streamClosed");
    expect(response.headers.has("stream-closed")).toBe(false);
    expect((await stream("GET", name)).status).toBe(404);
  });

  it("and made anew shows nothing of the new one to those who follow the old one", async () => {
    await stream("PUT", "phoenix", { text: "old" });
    const { body } = await openStream("phoenix", "offset=-1&live=sse");
    const read = Array.fromAsync(eventsIn(body));
    await vi.waitFor(async () => expect(await countSockets(logOf("phoenix"))).toBe(1), PATIENT);
    await stream("DELETE", "phoenix");
    await stream("PUT", "phoenix", { text: "new and longer" });
    const events = await read;
    expect(events.filter(({ event }) => event === "data").map(({ data }) => data)).toEqual(["old"]);
  });

  it("and made anew takes no offset of the old one, at once or after a crash", async () => {
    const old = nextOffset(await stream("PUT", "again", { text: "old" }));
    for (let i = 0; i < 5; i++) {
      await stream("DELETE", "again");
      const made = nextOffset(await stream("PUT", "again", { text: `new and longer ${i}` }));
      expect(made > old).toBe(true);
      if (i % 2 === 1) await abortAll();
      for (const live of ["", "&live=sse", "&live=long-poll"]) {
        const { status, text } = await stream("GET", "again", { query: `offset=${old}${live}` });
        expect([status, text.includes("given out")]).toEqual([400, true]);
      }
      expect((await stream("GET", "again", { query: `offset=${made}` })).text).toBe("");
      expect((await readAll("again")).text).toBe(`new and longer ${i}`);
    }
  });
});

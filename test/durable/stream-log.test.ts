import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { LIMITS } from "../../src/core/limits";
import { FULL, ROUNDS, SEED } from "../support/fault-rounds";
import { expectError } from "../support/http-client";
import { Follower, nextOffset, openStream, Producer, readAll, stream } from "../support/stream-client";
import { abortAll, countRowsOf, countSockets, evict, logOf } from "../support/stream-objects";

const MINUTE_MS = 60_000;

afterEach(() => {
  vi.useRealTimers();
});

/** Objects and API share the clock of the test. Their alarms do not: a test sets them off itself. */
function setClock(ms: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: ms });
}

describe("what was acknowledged", () => {
  const fault = fc.constantFrom("none", "evict", "abort");
  const appends = fc.array(fc.record({ during: fault, after: fault }), { minLength: 1, maxLength: 10 });
  const strike = async (name: string, kind: string) => {
    if (kind === "evict") await evict(logOf(name));
    if (kind === "abort") await abortAll();
  };

  it("is there once and in its place, wherever the object dies; what was not is there once or never", async () => {
    let streams = 0;
    await fc.assert(
      fc.asyncProperty(appends, async (steps) => {
        const name = `mortal-${++streams}`;
        await stream("PUT", name, { text: "begin." });
        const acknowledged = ["begin"];
        for (const [i, { during, after }] of steps.entries()) {
          const [{ status }] = await Promise.all([
            stream("POST", name, { text: `${i}.` }),
            strike(name, during),
          ]);
          if (status === 204) acknowledged.push(String(i));
          else expect(status).toBe(503);
          await strike(name, after);
        }
        const { text, offset } = await readAll(name);
        const kept = text.split(".").slice(0, -1);
        expect(kept.filter((one) => acknowledged.includes(one))).toEqual(acknowledged);
        expect(new Set(kept).size).toBe(kept.length);
        expect(Number(offset.slice(17))).toBe(text.length);
      }),
      { numRuns: FULL ? 10 * ROUNDS : 10, seed: SEED },
    );
  });

  it("includes that a stream was created, closed, forked and deleted, and what each producer has written", async () => {
    await stream("PUT", "deeds", { text: "a" });
    await abortAll();
    const producer = { "producer-id": "p", "producer-epoch": "2", "producer-seq": "0" };
    await stream("POST", "deeds", { text: "b", headers: { ...producer, "stream-seq": "7" } });
    await abortAll();
    expect((await stream("POST", "deeds", { text: "b", headers: producer })).status).toBe(204);
    expectError(
      await stream("POST", "deeds", { text: "x", headers: { "stream-seq": "6" } }),
      "sequence_conflict",
    );
    await stream("PUT", "deeds-fork", { headers: { "stream-forked-from": "/v1/streams/deeds" } });
    await stream("POST", "deeds", { headers: { "stream-closed": "true" } });
    await abortAll();
    expectError(await stream("POST", "deeds", { text: "x" }), "stream_closed");
    expect((await readAll("deeds-fork")).text).toBe("ab");
    await stream("DELETE", "deeds");
    await abortAll();
    expectError(await stream("GET", "deeds"), "stream_gone");
    expect((await readAll("deeds-fork")).text).toBe("ab");
  });
});

describe("a reader who is far behind", () => {
  it("gets more than 8 MB in pages of whole messages, and live modes begin with all of it", async () => {
    const headers = { "content-type": "application/json" };
    await stream("PUT", "long", { headers });
    const message = (i: number) => JSON.stringify(`${i}:${"x".repeat(70_000)}`);
    const expected: number[] = [];
    for (let i = 0; i < 150; i += 30) {
      const batch = Array.from({ length: 30 }, (_, j) => i + j);
      expected.push(...batch);
      await stream("POST", "long", { headers, text: `[${batch.map(message).join(",")}]` });
    }
    await stream("POST", "long", { headers: { "stream-closed": "true" } });
    const numbers = (page: string) =>
      (JSON.parse(page) as string[]).map((one) => Number(one.slice(0, one.indexOf(":"))));
    const read: number[] = [];
    let pages = 0;
    for (let offset = "-1"; ; pages++) {
      const page = await openStream("long", `offset=${offset}`);
      read.push(...numbers(await page.text()));
      if (page.headers.has("stream-closed")) break;
      offset = nextOffset(page);
    }
    expect(read).toEqual(expected);
    expect(pages).toBeGreaterThan(8);
    const follower = new Follower("long", "sse");
    await follower.over;
    expect(follower.told.flatMap(({ text }) => (text === "" ? [] : numbers(text)))).toEqual(expected);
  });

  it("is sent to the log by the object when it asks it for more than that at once", async () => {
    await stream("PUT", "behind");
    for (let i = 0; i < 10; i++) await stream("POST", "behind", { text: "y".repeat(1_000_000) });
    const follow = { id: "default/behind", from: "start" };
    const address = `https://log/?follow=${encodeURIComponent(JSON.stringify(follow))}`;
    const { webSocket } = await logOf("behind").fetch(address, { headers: { upgrade: "websocket" } });
    const closed = new Promise<number>((resolve) => {
      webSocket?.addEventListener("close", ({ code }) => resolve(code));
    });
    webSocket?.accept();
    expect(await closed).toBe(1013);
  });

  it("may hold a stream of 64 MB, and no more", async () => {
    await stream("PUT", "full");
    const text = "z".repeat(LIMITS.streamAppendBytes);
    for (let i = 0; i < 8; i++) expect((await stream("POST", "full", { text })).status).toBe(204);
    expectError(await stream("POST", "full", { text: "z" }), "stream_full");
    expect((await stream("POST", "full", { headers: { "stream-closed": "true" } })).status).toBe(204);
    await stream("DELETE", "full");
    expect(await countRowsOf("full")).toBe(0);
  }, 60_000);
});

describe("a stream with a time to live", () => {
  const ttl = { "stream-ttl": "60" };

  it("is kept by being read and appended to, also when its object was evicted in between", async () => {
    const start = Date.now();
    for (const name of ["kept", "kept-asleep"]) {
      setClock(start);
      await stream("PUT", name, { headers: ttl });
      for (let i = 1; i <= 8; i++) {
        setClock(start + i * 0.95 * MINUTE_MS);
        if (name === "kept-asleep") await evict(logOf(name));
        const touched = i % 2 === 0 ? stream("GET", name) : stream("POST", name, { text: "x" });
        expect((await touched).status).toBeLessThan(300);
      }
    }
  });

  it("is not ended early when its object has forgotten a touch that was not noted", async () => {
    const start = Date.now();
    setClock(start);
    await stream("PUT", "unnoted", { headers: ttl });
    setClock(start + 7_000);
    await stream("GET", "unnoted");
    await abortAll();
    setClock(start + 66_000);
    expect((await stream("GET", "unnoted")).status).toBe(200);
  });

  it("is ended by the alarm without anybody looking: its readers leave, and no row is left", async () => {
    const start = Date.now();
    setClock(start);
    // No other stream of this file lives in its object.
    await stream("PUT", "short-lived", { headers: ttl, text: "x" });
    await new Producer("short-lived").append("y");
    const { body } = await openStream("short-lived", "offset=-1&live=sse");
    await vi.waitFor(async () => expect(await countSockets(logOf("short-lived"))).toBe(1));
    // Waiting moves the clock.
    setClock(start);
    await stream("GET", "short-lived");
    const alarmAt = () => runInDurableObject(logOf("short-lived"), (_, state) => state.storage.getAlarm());
    expect(await alarmAt()).toBe(start + MINUTE_MS);
    setClock(start + MINUTE_MS - 1);
    expect(await runDurableObjectAlarm(logOf("short-lived"))).toBe(true);
    expect(await countRowsOf("short-lived")).toBeGreaterThan(0);
    setClock(start + MINUTE_MS);
    expect(await runDurableObjectAlarm(logOf("short-lived"))).toBe(true);
    expect(await countRowsOf("short-lived")).toBe(0);
    expect(await new Response(body).text()).toContain("event: control");
    expectError(await stream("GET", "short-lived"), "not_found");
    expect(await runDurableObjectAlarm(logOf("short-lived"))).toBe(false);
  });

  it("sets the alarm for the one that ends first, whatever else is created in the same object", async () => {
    const start = Date.now();
    setClock(start);
    const name = "first";
    await stream("PUT", name, { headers: { "stream-ttl": "100" } });
    const id = (other: string) => `default/${other}`;
    const config = { contentType: null, ttlS: null, expiresAt: null, closed: false, fork: null };
    const log = logOf(name);
    const alarmAt = () => runInDurableObject(log, (_, state) => state.storage.getAlarm());
    const make = (other: string, ttlS: number | null) =>
      log.create(id(other), { ...config, ttlS, data: new Uint8Array(0) });
    await make("never", null);
    await make("later", 500);
    expect(await alarmAt()).toBe(start + 100_000);
    await make("sooner", 10);
    expect(await alarmAt()).toBe(start + 10_000);
    await evict(log);
    await make("much-later", 900);
    // The object does not know any more what was touched, and will look again rather than end one early.
    expect(await alarmAt()).toBeLessThanOrEqual(start + 12_000);
  });
});

describe("an append", () => {
  it("writes a row for its bytes and one for its producer, however many read", async () => {
    await stream("PUT", "dear");
    const producer = new Producer("dear");
    for (let i = 0; i < 5; i++) await producer.append("x");
    await openStream("dear", "offset=-1");
    expect(await countRowsOf("dear")).toBe(1 + 5 + 1);
  });

  it("is refused as unavailable, to be repeated, when the object does not answer", async () => {
    const STREAM_LOG = Object.assign(Object.create(env.STREAM_LOG), {
      getByName: () => ({ append: () => Promise.reject(new Error("away")) }),
    });
    const answer = await stream("POST", "away", { text: "x", env: { ...env, STREAM_LOG } });
    expectError(answer, "store_unavailable");
    expect(answer.headers.get("retry-after")).toBe("1");
  });
});

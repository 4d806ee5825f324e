import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { expectError } from "../support/http-client";
import { nextOffset, pathOf, readAll, stream } from "../support/stream-client";
import { abort, apart, countRowsOf, logOf } from "../support/stream-objects";

vi.setConfig({ testTimeout: 60_000 });

const PATIENT = { timeout: 10_000, interval: 5 };

const from = (source: string, more: Record<string, string> = {}) => ({
  "stream-forked-from": pathOf(source),
  ...more,
});

/** From the so many-th call on, whatever the stream's object asks of others first does this, and then fails; until it is mended. */
async function breakAfter(name: string, calls: number, act: () => unknown): Promise<() => Promise<void>> {
  await runInDurableObject(logOf(name), (instance) => {
    const real = Reflect.get(instance, "objectOf") as (id: string) => Record<string, AnyMethod>;
    let made = 0;
    const failing = (id: string) =>
      new Proxy(real.call(instance, id), {
        get:
          (target, method) =>
          async (...args: unknown[]) => {
            made += 1;
            if (made <= calls) return target[String(method)]?.(...args);
            await act();
            throw new Error("the source is away");
          },
      });
    Reflect.set(instance, "objectOf", failing);
  });
  return () =>
    runInDurableObject(logOf(name), (instance) => void Reflect.deleteProperty(instance, "objectOf"));
}

type AnyMethod = (...args: unknown[]) => unknown;

const large = (mb: number) =>
  Array.from({ length: mb }, (_, i) => String.fromCharCode(97 + i).repeat(1_000_000));

async function createLarge(name: string, mb: number): Promise<string> {
  await stream("PUT", name);
  for (const text of large(mb)) await stream("POST", name, { text });
  return large(mb).join("");
}

describe("a fork in another object than its source", () => {
  it("begins as a copy, and both go on by themselves", async () => {
    const [source = "", fork = "", third = ""] = apart("chain", 3);
    await stream("PUT", source, { text: "one " });
    await stream("PUT", fork, { headers: from(source), text: "two " });
    await stream("PUT", third, { headers: from(fork), text: "three " });
    await stream("POST", source, { text: "source" });
    await stream("POST", fork, { text: "fork" });
    expect((await readAll(source)).text).toBe("one source");
    expect((await readAll(fork)).text).toBe("one two fork");
    expect((await readAll(third)).text).toBe("one two three ");
  });

  it("takes the offsets of those it was copied from, as far as it was, and no others", async () => {
    const [source = "", fork = "", third = ""] = apart("offsets", 3);
    const one = nextOffset(await stream("PUT", source, { text: "one " }));
    const two = nextOffset(await stream("PUT", fork, { headers: from(source), text: "two " }));
    const beyond = nextOffset(await stream("POST", source, { text: "more than the fork has" }));
    await stream("PUT", third, { headers: from(fork), text: "three " });
    const read = async (name: string, offset: string) => {
      const { status, text } = await stream("GET", name, { query: `offset=${offset}` });
      return status === 200 ? text : status;
    };
    expect([await read(fork, one), await read(third, one)]).toEqual(["two ", "two three "]);
    expect(await read(third, two)).toBe("three ");
    expect([await read(fork, beyond), await read(third, beyond), await read(source, two)]).toEqual([
      400, 400, 400,
    ]);
    const late = { headers: from(source, { "stream-fork-offset": two }) };
    expectError(await stream("PUT", "unborn", late), "invalid_request", "Stream-Fork-Offset");
  });

  it("may hold more than one call can carry", async () => {
    const [source = "", fork = ""] = apart("large", 2);
    const text = await createLarge(source, 20);
    expect((await stream("PUT", fork, { headers: from(source) })).status).toBe(201);
    expect((await readAll(fork)).text === text).toBe(true);
  });

  it("may begin within an append that is larger than a row", async () => {
    const [source = "", fork = ""] = apart("within", 2);
    const start = nextOffset(await stream("PUT", source));
    await stream("POST", source, { text: large(3).join("") });
    const part = (sub: string) =>
      from(source, { "stream-fork-offset": start, "stream-fork-sub-offset": sub });
    expect((await stream("PUT", fork, { headers: part("2500000") })).status).toBe(201);
    expect((await readAll(fork)).text === large(3).join("").slice(0, 2_500_000)).toBe(true);
    const far = await stream("PUT", "too-far", { headers: part("3000001") });
    expectError(far, "invalid_request", "Stream-Fork-Sub-Offset");
  });
});

describe("a fork that breaks off in the middle of the copy", () => {
  it.each([0, 1, 2])(
    "because its source died after %i calls is made whole by asking again",
    async (calls) => {
      const [source = "", fork = ""] = apart(`half-${calls}`, 2);
      const text = await createLarge(source, 18);
      const mend = await breakAfter(fork, calls, () => abort(logOf(source)));
      expectError(await stream("PUT", fork, { headers: from(source) }), "store_unavailable");
      expectError(await stream("GET", fork), "not_found");
      expectError(await stream("POST", fork, { text: "x" }), "not_found");
      await mend();
      expect((await stream("PUT", fork, { headers: from(source) })).status).toBe(201);
      expect((await stream("PUT", fork, { headers: from(source) })).status).toBe(200);
      expect((await readAll(fork)).text === text).toBe(true);
    },
  );

  it("leaves nothing to a plain stream that takes its name, when it died itself", async () => {
    const [source = "", fork = ""] = apart("plain", 2);
    await createLarge(source, 10);
    await breakAfter(fork, 2, () => abort(logOf(fork)));
    expectError(await stream("PUT", fork, { headers: from(source) }), "store_unavailable");
    expect(await countRowsOf(fork)).toBeGreaterThan(1);
    expect((await stream("PUT", fork, { text: "plain" })).status).toBe(201);
    expect((await readAll(fork)).text).toBe("plain");
  });

  it("leaves nothing at the source either, once that is back", async () => {
    const [source = "", fork = ""] = apart("gone", 2);
    await createLarge(source, 10);
    const mend = await breakAfter(fork, 2, () => abort(logOf(source)));
    expectError(await stream("PUT", fork, { headers: from(source) }), "store_unavailable");
    await mend();
    expect(await runDurableObjectAlarm(logOf(fork))).toBe(true);
    expect(await countRowsOf(fork)).toBe(0);
    await stream("DELETE", source);
    expectError(await stream("GET", source), "not_found");
  });

  it("is cleared up by the alarm when it died itself, here and at the source", async () => {
    const [source = "", fork = ""] = apart("left", 2);
    await createLarge(source, 10);
    await breakAfter(fork, 2, () => abort(logOf(fork)));
    expectError(await stream("PUT", fork, { headers: from(source) }), "store_unavailable");
    expect(await countRowsOf(fork)).toBeGreaterThan(1);
    expect(await runDurableObjectAlarm(logOf(fork))).toBe(true);
    expect(await countRowsOf(fork)).toBe(0);
    await stream("DELETE", source);
    expectError(await stream("GET", source), "not_found");
  });

  it("is one stream when it is asked for many times at once, and is not mixed with a plain one of that name", async () => {
    const [source = "", fork = "", mixed = ""] = apart("race", 3);
    const text = await createLarge(source, 9);
    const asked = Array.from({ length: 5 }, () => stream("PUT", fork, { headers: from(source) }));
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([200, 200, 200, 200, 201]);
    expect((await readAll(fork)).text === text).toBe(true);
    const both = [stream("PUT", mixed, { headers: from(source) }), stream("PUT", mixed, { text: "plain" })];
    const ends = (await Promise.all(both)).map(({ status }) => status);
    expect(ends.toSorted()).toEqual([201, 409]);
    const read = (await readAll(mixed)).text;
    expect(read === text || read === "plain").toBe(true);
  });
});

describe("a source that is deleted", () => {
  it("keeps its name but no bytes while there are forks, and goes with the last one, through all generations", async () => {
    const [source = "", fork = "", third = ""] = apart("family", 3);
    await createLarge(source, 3);
    await stream("PUT", fork, { headers: from(source) });
    await stream("PUT", third, { headers: from(fork) });
    await stream("DELETE", source);
    await stream("DELETE", fork);
    expectError(await stream("GET", source), "stream_gone");
    expectError(await stream("PUT", source), "stream_exists");
    // Its row, and that of its fork.
    expect(await countRowsOf(source)).toBe(2);
    expect((await readAll(third)).text.length).toBe(3_000_000);
    await stream("DELETE", third);
    for (const name of [third, fork, source]) {
      await vi.waitFor(async () => expect(await countRowsOf(name)).toBe(0), PATIENT);
      expectError(await stream("GET", name), "not_found");
    }
  });

  it("is let go by a fork that was deleted while the source was away, as soon as it is back", async () => {
    const [source = "", fork = ""] = apart("deaf", 2);
    await stream("PUT", source, { text: "x" });
    await stream("PUT", fork, { headers: from(source) });
    const mend = await breakAfter(fork, 0, () => {});
    expect((await stream("DELETE", fork)).status).toBe(204);
    await stream("DELETE", source);
    expectError(await stream("GET", source), "stream_gone");
    await mend();
    expect(await runDurableObjectAlarm(logOf(fork))).toBe(true);
    expectError(await stream("GET", source), "not_found");
  });

  it("is let go by forks that were refused", async () => {
    const [source = "", fork = ""] = apart("refused", 2);
    await createLarge(source, 60);
    const text = "x".repeat(5_000_000);
    expectError(await stream("PUT", fork, { headers: from(source), text }), "stream_full");
    await stream("DELETE", source);
    expectError(await stream("GET", source), "not_found");
    expect(await countRowsOf(fork)).toBe(0);
  });
});

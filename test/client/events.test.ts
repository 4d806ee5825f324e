import { describe, expect, it, vi } from "vitest";
import { signToken } from "../../src/http/tokens";
import { connect, dontPause } from "../support/client-wire";
import { later, ORIGIN, ROOT_KEY, submit, TOKEN_SECRET } from "../support/http-client";
import { scripted } from "../support/scripted-fetch";
import {
  act,
  greeting,
  of,
  snapshot,
  stuck,
  subscribe,
  tokenFor,
  told,
  until,
} from "../support/subscriptions";

describe("the way to the events", () => {
  it("is a WebSocket for a token, which stands in the address", async () => {
    const token = await tokenFor("w-token");
    const { errand, wire } = connect({ token });
    await until(subscribe(errand, { channel: "w-token" }), snapshot);
    expect(wire.connections.map(({ way, url }) => [way, url.searchParams.get("token")])).toEqual([
      ["socket", token],
    ]);
  });

  it("is server-sent events for a key, which is never put into an address", async () => {
    const { errand, wire } = connect();
    await until(subscribe(errand, { channel: "w-key" }), snapshot);
    const [connection] = wire.connections;
    expect(connection?.way).toBe("sse");
    expect(connection?.headers.get("authorization")).toBe(`Bearer ${ROOT_KEY}`);
    expect(connection?.url.href).toBe(`${ORIGIN}/v1/events?channel=w-key`);
  });

  it("is server-sent events where there is no WebSocket", async () => {
    const { errand, wire } = connect({ token: await tokenFor("w-none") });
    vi.stubGlobal("WebSocket", undefined);
    await until(subscribe(errand, { channel: "w-none" }), snapshot);
    expect(wire.connections.map(({ way }) => way)).toEqual(["sse"]);
  });

  it("is server-sent events where WebSockets do not get through, with one try", async () => {
    dontPause();
    const connection = (nth: number) => (nth === 1 ? { frames: 0 } : undefined);
    const { errand, wire } = connect({ token: await tokenFor("w-proxy"), faults: { connection } });
    await until(subscribe(errand, { channel: "w-proxy" }), snapshot);
    expect(wire.connections.map(({ way }) => way)).toEqual(["socket", "sse"]);
  });

  it("takes channels and ids of any name", async () => {
    const channel = "Räume/№ 7?&=#%";
    const { errand } = connect();
    const subscription = subscribe(errand, { channel });
    await until(subscription, snapshot);
    const job = await submit(later({ channel }));
    await until(subscription, of("job.submitted", job.id));
  });
});

describe("a subscription", () => {
  it("tells a channel's jobs first, then each event", async () => {
    const { errand } = connect({ token: await tokenFor("s-all") });
    const subscription = subscribe(errand, { channel: "s-all" });
    const job = await submit(later({ channel: "s-all" }));
    await act(job.id, "cancel");
    const frames = await until(subscription, of("job.cancelled", job.id));
    expect(frames[0]).toMatchObject({ type: "snapshot", channel: "s-all" });
    expect(told(frames).at(-1)).toEqual([job.id, "job.cancelled", 2]);
  });

  it("comes back by itself after each cut, tells what was missed, and nothing twice", async () => {
    dontPause();
    const connection = (nth: number) => (nth <= 6 ? { frames: 1 + (nth % 2), twice: true } : undefined);
    const { errand, wire } = connect({ token: await tokenFor("s-cut"), faults: { connection } });
    const subscription = subscribe(errand, { channel: "s-cut" });
    await until(subscription, snapshot);
    const jobs = [];
    for (let i = 0; i < 3; i++) jobs.push(await submit(later({ channel: "s-cut" })));
    for (const { id } of jobs) await act(id, "cancel");
    const frames = await until(subscription, of("job.cancelled", jobs.at(-1)?.id ?? ""));
    expect(told(frames)).toEqual([
      ...jobs.map(({ id }) => [id, "job.submitted", 1]),
      ...jobs.map(({ id }) => [id, "job.cancelled", 2]),
    ]);
    const [first, second] = wire.connections.map(({ url }) => url.searchParams.get("since"));
    expect([first, second]).toEqual([null, expect.stringMatching(/^\d+\.\d+$/)]);
  });

  it("goes on where an earlier one was left, by its cursor: after what was taken, not after what had arrived", async () => {
    const { errand } = connect();
    const before = subscribe(errand, { channel: "s-back" });
    await until(before, snapshot);
    const one = await submit(later({ channel: "s-back" }));
    const two = await submit(later({ channel: "s-back" }));
    await until(before, of("job.submitted", one.id));
    const { cursor } = before;
    before.close();
    await act(two.id, "cancel");
    const after = subscribe(errand, { channel: "s-back" }, { since: cursor });
    const frames = await until(after, of("job.cancelled", two.id));
    expect(told(frames)).toEqual([
      [two.id, "job.submitted", 1],
      [two.id, "job.cancelled", 2],
    ]);
  });

  it("has the cursor of what was taken, whatever has arrived behind it", async () => {
    const { errand } = scripted([() => stuck(greeting("7.1"), greeting("7.2"), greeting("7.3"))]);
    const subscription = subscribe(errand, { channel: "c" }, { since: "6.9" });
    const cursors = [subscription.cursor];
    for (let i = 0; i < 3; i++) {
      await subscription.next();
      cursors.push(subscription.cursor);
    }
    expect(cursors).toEqual(["6.9", "7.1", "7.2", "7.3"]);
  });

  it("passes a reset on, and takes the snapshot after it as the truth", async () => {
    dontPause();
    const job = await submit(later({ channel: "s-reset" }));
    await act(job.id, "cancel");
    // Two frames: the reset and the snapshot. What is told again from the start is old news then.
    const connection = (nth: number) => (nth === 1 ? { frames: 2 } : undefined);
    const { errand } = connect({ faults: { connection } });
    const subscription = subscribe(errand, { channel: "s-reset" }, { since: "999999.1" });
    const [reset, shown] = await until(subscription, snapshot);
    expect(reset).toMatchObject({ type: "reset" });
    expect(shown).toMatchObject({ type: "snapshot", jobs: [{ id: job.id, version: 2 }] });
    await act(job.id, "retry");
    const frames = await until(subscription, of("job.completed", job.id));
    expect(Math.min(...told(frames).map(([, , version]) => Number(version)))).toBe(3);
  });

  it("asks for another token when the one it has was refused", async () => {
    dontPause();
    const channel = "s-expired";
    const claims = { projectId: "default", id: "tok_1", keyId: null, allow: ["read" as const], channel };
    const rest = { job: null, tasks: null, models: null, maxJobs: null };
    const old = await signToken(TOKEN_SECRET, { ...claims, ...rest, expiresAt: Date.now() - 1_000 });
    const tokens = [old, await tokenFor(channel)];
    const { errand, wire } = connect({ getToken: () => tokens.shift() ?? old });
    await until(subscribe(errand, { channel }), snapshot);
    expect(wire.connections.map(({ way }) => way)).toEqual(["socket", "sse"]);
    expect(wire.connections[0]?.url.searchParams.get("token")).toBe(old);
  });

  it("ends with close(), with the end of its loop, and never connects again", async () => {
    dontPause();
    const { errand, wire } = connect();
    const closed = errand.events.subscribe({ channel: "s-end" });
    const waiting = until(closed, () => false);
    closed.close();
    await expect(waiting).rejects.toThrow("the end came first");
    const left = errand.events.subscribe({ channel: "s-end" });
    for await (const frame of left) {
      expect(frame.type).toBe("snapshot");
      break;
    }
    expect(await left.next()).toEqual({ done: true, value: undefined });
    const { length } = wire.connections;
    await submit(later({ channel: "s-end" }));
    expect(wire.connections).toHaveLength(length);
  });

  it("ends with its signal, whose reason goes to who waits", async () => {
    const { errand } = connect();
    const reason = new Error("the user left");
    const leaving = new AbortController();
    const subscription = errand.events.subscribe({ channel: "s-abort" }, { signal: leaving.signal });
    await until(subscription, snapshot);
    const waiting = subscription.next();
    leaving.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect((await subscription.next()).done).toBe(true);
    const late = errand.events.subscribe({ channel: "s-abort" }, { signal: leaving.signal });
    await expect(late.next()).rejects.toBe(reason);
  });

  it.each([
    ["a job that there is not", { job: "job_1" }, {}, "not_found"],
    ["a cursor that is none", { channel: "s-bad" }, { since: "x" }, "invalid_cursor"],
  ])("tells what is wrong, and does not come back: %s", async (_, subject, options, code) => {
    const { errand, wire } = connect();
    await expect(subscribe(errand, subject, options).next()).rejects.toMatchObject({ code });
    expect(wire.connections).toHaveLength(1);
  });

  it("tells a token's holder over a WebSocket as well what is wrong, though that keeps silent", async () => {
    dontPause();
    const { errand } = connect({ token: await tokenFor("s-mine") });
    const other = subscribe(errand, { channel: "s-other" }).next();
    await expect(other).rejects.toMatchObject({ name: "PermissionError", code: "forbidden" });
  });

  it("that never gets through says so; one that has been through comes back for as long as it takes", async () => {
    dontPause();
    const never = connect({ faults: { connection: () => ({ frames: 0 }) } });
    await expect(subscribe(never.errand, { channel: "s-never" }).next()).rejects.toMatchObject({
      code: "connection_failed",
    });
    expect(never.wire.connections).toHaveLength(3);
    const connection = (nth: number) => (nth === 1 || nth === 12 ? { frames: 1 } : { frames: 0 });
    const { errand, wire } = connect({ faults: { connection } });
    const subscription = subscribe(errand, { channel: "s-never" });
    await until(subscription, snapshot);
    await submit(later({ channel: "s-never" }));
    await until(subscription, snapshot);
    expect(wire.connections.length).toBeGreaterThanOrEqual(12);
  });
});

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { hubName } from "../../src/core/hubs";
import type { EventHub } from "../../src/durable/event-hub";
import { call, expectError, generate, later, mint, open, submit } from "../support/http-client";
import { eventsOf, isEvent, jobSnapshot, openSse, openWebSocket } from "../support/http-listen";

const act = (id: string, action: string) => call("POST", `/v1/jobs/${id}/${action}`);

/** Sockets that the channel's hub has. */
function socketsOf(channel: string): Promise<number> {
  const hub = env.EVENT_HUB.getByName(hubName("default", channel, ""));
  return runInDurableObject<EventHub, number>(hub, (_, state) => state.getWebSockets().length);
}

describe("events as server-sent events", () => {
  it("send the same frames as the WebSocket, with the cursor as their id", async () => {
    const job = await submit(generate({ channel: "both", delay_s: 1 }));
    const path = `/v1/jobs/${job.id}/events`;
    const [sse, socket] = [await openSse(path), await openWebSocket(path)];
    for (const listener of [sse, socket]) await listener.until(isEvent("job.completed", job.id));
    expect(sse.frames).toEqual(socket.frames);
    expect(sse.ids).toEqual(sse.frames.map((frame) => frame.cursor));
    expect(jobSnapshot(sse.frames[0])?.id).toBe(job.id);
    sse.close();
    socket.close();
  });

  it("are not to be stored by caches on the way", async () => {
    const { headers, body } = await open("GET", "/v1/events?channel=uncached");
    expect(headers.get("cache-control")).toContain("no-cache");
    expect(headers.get("x-request-id")).not.toBeNull();
    await body?.cancel();
  });

  it("replay what was missed since the Last-Event-ID that a browser sends", async () => {
    const [one, two] = [await submit(later({ channel: "last" })), await submit(later({ channel: "last" }))];
    const before = await openSse("/v1/events?channel=last");
    await act(one.id, "cancel");
    await before.until(isEvent("job.cancelled", one.id));
    before.close();
    await act(two.id, "cancel");
    const after = await openSse("/v1/events?channel=last", {
      headers: { "last-event-id": before.ids.at(-1) ?? "" },
    });
    await after.until(isEvent("job.cancelled", two.id));
    const cancelled = eventsOf(after.frames).filter((event) => event.type === "job.cancelled");
    expect(cancelled.map((event) => event.job_id)).toEqual([two.id]);
    after.close();
  });

  it("replay from ?since= when it is given, and reset when it is too far off", async () => {
    const job = await submit(later({ channel: "since" }));
    await act(job.id, "cancel");
    const replay = await openSse("/v1/events?channel=since&since=0.0", {
      headers: { "last-event-id": "999.1" },
    });
    await replay.until(isEvent("job.cancelled", job.id));
    expect(replay.frames[0]?.type).toBe("snapshot");
    replay.close();
    const reset = await openSse("/v1/events?channel=since", { headers: { "last-event-id": "999.1" } });
    expect(reset.frames.map((frame) => frame.type)).toEqual(["reset", "snapshot"]);
    reset.close();
  });

  it("refuse a Last-Event-ID that is no cursor", async () => {
    const answer = await call("GET", "/v1/events?channel=x", { headers: { "last-event-id": "yesterday" } });
    expectError(answer, "invalid_cursor");
  });

  it("end when the client leaves: its socket to the hub is closed", async () => {
    const sse = await openSse("/v1/events?channel=leaving");
    expect(await socketsOf("leaving")).toBe(1);
    sse.close();
    await vi.waitFor(async () => expect(await socketsOf("leaving")).toBe(0), { timeout: 5_000 });
  });

  it("serve many listeners of one channel, each with every event", async () => {
    const listeners = await Promise.all(Array.from({ length: 10 }, () => openSse("/v1/events?channel=many")));
    const job = await submit(later({ channel: "many" }));
    for (const listener of listeners) await listener.until(isEvent("job.submitted", job.id));
    await act(job.id, "cancel");
    for (const listener of listeners) {
      await listener.until(isEvent("job.cancelled", job.id));
      expect(eventsOf(listener.frames).map((event) => event.type)).toEqual([
        "job.submitted",
        "job.cancelled",
      ]);
      listener.close();
    }
  });

  it("may be opened with a token in the address, as EventSource must", async () => {
    const token = await mint({ channel: "browser", allow: ["read"] });
    const sse = await openSse(`/v1/events?token=${token}`, { key: null });
    const job = await submit(later({ channel: "browser" }));
    await sse.until(isEvent("job.submitted", job.id));
    sse.close();
  });
});

describe("when the hub is away", () => {
  it("both ways of listening answer 503 with Retry-After", async () => {
    const EVENT_HUB = Object.assign(Object.create(env.EVENT_HUB), {
      getByName: () => ({ fetch: () => Promise.reject(new Error("hub is away")) }),
    });
    const ways: Record<string, string>[] = [{}, { upgrade: "websocket" }];
    for (const headers of ways) {
      const answer = await call("GET", "/v1/events?channel=x", { headers, env: { ...env, EVENT_HUB } });
      expectError(answer, "store_unavailable");
      expect(answer.headers.get("retry-after")).toBe("2");
    }
  });
});

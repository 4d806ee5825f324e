import { describe, expect, it } from "vitest";
import type { MoveEvent } from "../../src/core/events";
import { call, expectError, finish, generate, later, slow, submit } from "../support/http-client";
import { channelSnapshot, eventsOf, isEvent, jobSnapshot, openWebSocket } from "../support/http-listen";

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const act = (id: string, action: string) => call("POST", `/v1/jobs/${id}/${action}`);

describe("GET /v1/jobs/{id}/events over a WebSocket", () => {
  it("sends the job as it is first, then each event in order", async () => {
    const job = await submit(generate({ delay_s: 1 }));
    const listener = await openWebSocket(`/v1/jobs/${job.id}/events`);
    const { attempts, ...shown } = job;
    expect(attempts).toEqual([]);
    expect(listener.frames[0]).toEqual({ type: "snapshot", cursor: expect.any(String), job: shown });
    await listener.until(isEvent("job.completed", job.id));
    const events = eventsOf(listener.frames) as (MoveEvent & { cursor: string })[];
    expect(events.map((event) => event.type)).toEqual(["job.started", "job.completed"]);
    expect(events.map((event) => event.version)).toEqual([2, 3]);
    expect(events[1]).toEqual({
      type: "job.completed",
      job_id: job.id,
      task: "generate",
      channel: null,
      version: 3,
      cursor: expect.stringMatching(/^\d+\.\d+$/),
      at: expect.stringMatching(INSTANT),
      state: "completed",
      reason: null,
      run: 1,
      attempt: 1,
      error: null,
    });
    listener.close();
  });

  it("sends no text, not even of a job that streams", async () => {
    const job = await submit(
      generate({ stream: true, delay_s: 1 }, "sandbox/chat!reply=one two three,tps=20"),
    );
    const listener = await openWebSocket(`/v1/jobs/${job.id}/events`);
    await listener.until(isEvent("job.completed", job.id));
    const events = eventsOf(listener.frames);
    expect(events.map((event) => event.type)).toEqual(["job.started", "job.completed"]);
    expect(JSON.stringify(events)).not.toMatch(/one|two|three/);
    listener.close();
  });

  it("tells each way a job can go: retrying, failed, cancelling, cancelled", async () => {
    const flaky = await submit(generate({ delay_s: 1, max_attempts: 2 }, "sandbox/chat!status=500"));
    const listener = await openWebSocket(`/v1/jobs/${flaky.id}/events`);
    const retrying = await listener.until(isEvent("job.retrying", flaky.id));
    expect(retrying).toMatchObject({ state: "pending", reason: "retrying", attempt: 1 });
    const failed = await listener.until(isEvent("job.failed", flaky.id));
    expect(failed).toMatchObject({
      state: "failed",
      attempt: 2,
      error: { code: "provider_error", retryable: true },
    });
    listener.close();

    const long = await submit(slow({ delay_s: 1 }));
    const watcher = await openWebSocket(`/v1/jobs/${long.id}/events`);
    await watcher.until(isEvent("job.started", long.id));
    await act(long.id, "cancel");
    await watcher.until(isEvent("job.cancelled", long.id));
    const types = eventsOf(watcher.frames).map((event) => event.type);
    expect(types).toEqual(["job.started", "job.cancelling", "job.cancelled"]);
    watcher.close();
  });

  it("tells nothing of other jobs, not even of the same channel", async () => {
    const [one, two] = [
      await submit(later({ channel: "shared" })),
      await submit(later({ channel: "shared" })),
    ];
    const listener = await openWebSocket(`/v1/jobs/${one.id}/events`);
    await act(two.id, "cancel");
    await act(one.id, "cancel");
    await listener.until(isEvent("job.cancelled", one.id));
    expect(eventsOf(listener.frames).map((event) => event.job_id)).toEqual([one.id]);
    listener.close();
  });

  it("shows the end to one who comes after it", async () => {
    const job = await finish(generate());
    const listener = await openWebSocket(`/v1/jobs/${job.id}/events`);
    expect(jobSnapshot(listener.frames[0])).toMatchObject({
      id: job.id,
      state: "completed",
      version: job.version,
    });
    listener.close();
  });

  it("answers a ping with a pong", async () => {
    const job = await submit(later());
    const { socket, close } = await openWebSocket(`/v1/jobs/${job.id}/events`);
    const { promise, resolve } = Promise.withResolvers<unknown>();
    socket.addEventListener("message", ({ data }) => resolve(data));
    socket.send("ping");
    expect(await promise.catch(String)).toBe("pong");
    close();
  });
});

describe("GET /v1/events over a WebSocket", () => {
  it("sends the channel's jobs first, newest first, then the events of all of them", async () => {
    const old = await submit(later({ channel: "c1" }));
    const young = await submit(later({ channel: "c1" }));
    await submit(later({ channel: "c2" }));
    const listener = await openWebSocket("/v1/events?channel=c1");
    const snapshot = channelSnapshot(listener.frames[0]);
    expect(Object.keys(snapshot).sort()).toEqual(["channel", "cursor", "jobs", "type"]);
    expect(snapshot.channel).toBe("c1");
    expect(snapshot.jobs.map((job) => job.id)).toEqual([young.id, old.id]);
    expect(snapshot.jobs[0]).not.toHaveProperty("attempts");

    const fresh = await submit(generate({ channel: "c1" }));
    await listener.until(isEvent("job.completed", fresh.id));
    await act(old.id, "cancel");
    await listener.until(isEvent("job.cancelled", old.id));
    const seen = eventsOf(listener.frames).filter((event) => event.type !== "job.started");
    const told = seen.map((event) => [event.job_id, event.type]);
    expect(told).toContainEqual([fresh.id, "job.submitted"]);
    expect(told).toContainEqual([fresh.id, "job.completed"]);
    expect(told).toContainEqual([old.id, "job.cancelled"]);
    listener.close();
  });

  it("tells nothing of another channel", async () => {
    const listener = await openWebSocket("/v1/events?channel=quiet");
    await finish(generate({ channel: "loud" }));
    const own = await submit(generate({ channel: "quiet" }));
    await listener.until(isEvent("job.completed", own.id));
    expect(new Set(eventsOf(listener.frames).map((event) => event.job_id))).toEqual(new Set([own.id]));
    listener.close();
  });

  it("shows at most the newest 100 jobs first", async () => {
    const jobs = Array.from({ length: 120 }, (_, i) => later({ channel: "full", priority: i % 100 }));
    const { body } = await call<{ data: { id: string }[] }>("POST", "/v1/jobs/bulk", { json: { jobs } });
    const listener = await openWebSocket("/v1/events?channel=full");
    const shown = channelSnapshot(listener.frames[0]).jobs.map((job) => job.id);
    expect(shown).toEqual(
      body.data
        .map((job) => job.id)
        .reverse()
        .slice(0, 100),
    );
    listener.close();
  });

  it("takes channels of any name", async () => {
    const channel = "Räume/№ 7?&=#%";
    const listener = await openWebSocket(`/v1/events?channel=${encodeURIComponent(channel)}`);
    const job = await submit(later({ channel }));
    await listener.until(isEvent("job.submitted", job.id));
    listener.close();
  });

  it("wants a channel", async () => {
    expectError(await call("GET", "/v1/events"), "invalid_request", "channel");
    expectError(await call("GET", "/v1/events?channel="), "invalid_request", "channel");
  });
});

describe("coming back with ?since=", () => {
  it("sends what was missed, once, after a snapshot that bears the old cursor", async () => {
    const jobs = [await submit(later({ channel: "back" })), await submit(later({ channel: "back" }))];
    const [one, two] = jobs.map((job) => job.id) as [string, string];
    const before = await openWebSocket("/v1/events?channel=back");
    await act(one, "cancel");
    const { cursor } = await before.until(isEvent("job.cancelled", one));
    before.close();
    await act(two, "cancel");
    await act(one, "retry");
    const probe = await openWebSocket("/v1/events?channel=back&since=0.0");
    await probe.until(isEvent("job.completed", one));
    probe.close();

    const after = await openWebSocket(`/v1/events?channel=back&since=${cursor}`);
    await after.until(isEvent("job.completed", one));
    expect(after.frames[0]).toMatchObject({ type: "snapshot", cursor });
    const missed = eventsOf(after.frames).map((event) => [event.type, event.job_id]);
    expect(missed[0]).toEqual(["job.cancelled", two]);
    expect(missed.filter(([type, id]) => type === "job.cancelled" && id === one)).toEqual([]);
    expect(missed.at(-1)).toEqual(["job.completed", one]);
    after.close();
  });

  it("goes on with what happens after it came back", async () => {
    const job = await submit(later({ channel: "on" }));
    const before = await openWebSocket("/v1/events?channel=on");
    const cursor = before.frames[0]?.cursor;
    before.close();
    const after = await openWebSocket(`/v1/events?channel=on&since=${cursor}`);
    await act(job.id, "cancel");
    const event = await after.until(isEvent("job.cancelled", job.id));
    expect(event.cursor).not.toBe(cursor);
    after.close();
  });

  it("sends a listener of one job only what it missed of that job", async () => {
    const [one, two] = [await submit(later({ channel: "duo" })), await submit(later({ channel: "duo" }))];
    await act(two.id, "cancel");
    await act(one.id, "cancel");
    const listener = await openWebSocket(`/v1/jobs/${one.id}/events?since=0.0`);
    await listener.until(isEvent("job.cancelled", one.id));
    expect(new Set(eventsOf(listener.frames).map((event) => event.job_id))).toEqual(new Set([one.id]));
    listener.close();
  });

  it("gets a reset and a whole snapshot with a cursor that reaches back too far, or forward", async () => {
    const job = await submit(later({ channel: "lost" }));
    const listener = await openWebSocket("/v1/events?channel=lost&since=999999.1");
    expect(listener.frames[0]).toEqual({ type: "reset", cursor: expect.stringMatching(/^\d+\.\d+$/) });
    expect(channelSnapshot(listener.frames[1]).jobs.map((one) => one.id)).toEqual([job.id]);
    expect(listener.frames[1]?.cursor).toBe(listener.frames[0]?.cursor);
    listener.close();
  });

  it.each(["x", "1", "1.", ".1", "-1.0", "1.1.1", "1e3.1", "1.1 ", "9".repeat(16), "%00", "💥"])(
    "answers 400 to what is no cursor, upgraded or not: %j",
    async (since) => {
      const path = `/v1/events?channel=bad&since=${encodeURIComponent(since)}`;
      expectError(await call("GET", path), "invalid_cursor", "since");
      expectError(await call("GET", path, { headers: { upgrade: "websocket" } }), "invalid_cursor", "since");
    },
  );
});

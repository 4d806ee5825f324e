import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { type JobEvent, moveEvent } from "../../src/core/events";
import type { Job } from "../../src/core/job";
import { aJob, aNewJob } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { listenTo } from "../support/listener";
import { storedIn, storedJob } from "../support/rows";

const AT = 1_700_000_000_000;
const SLOTS = 1_000;

let hub = "";
let hubs = 0;
beforeEach(() => {
  hubs += 1;
  hub = `default/channel/test-${hubs}`;
});

const stub = () => env.EVENT_HUB.getByName(hub);
const submitted = (over: Partial<Job> = {}) => moveEvent(aJob(over), AT);
const started = (job_id: string): JobEvent => moveEvent(aJob({ id: job_id, state: "running", run: 1 }), AT);
const progress = (job_id: string): JobEvent => {
  return { type: "job.progress", job_id, version: 2, at: "", run: 1, done: 1, total: 2, message: null };
};

async function publish(...events: JobEvent[]): Promise<void> {
  await stub().publish(events);
}

/** One publish an event, without leaving the object between them. */
async function publishEach(events: JobEvent[]): Promise<void> {
  await runInDurableObject(stub(), async (instance) => {
    for (const event of events) await instance.publish([event]);
  });
}

const ids = (events: JobEvent[]) => events.map(({ job_id }) => job_id);

describe("a listener", () => {
  it("is shown the job first, then each event", async () => {
    const job = await storedJob();
    const listener = await listenTo(hub, { job: job.id });
    await publish(moveEvent({ ...job, state: "completed", version: 3 }, AT));
    expect(await listener.types(2)).toEqual(["snapshot", "job.completed"]);
    expect(listener.frames[0]).toMatchObject({ job: { id: job.id, state: "pending", output: null } });
  });

  it("of a job that does not exist is shown none", async () => {
    const listener = await listenTo(hub, { job: "job_missing" });
    await listener.types(1);
    expect(listener.frames[0]).toMatchObject({ type: "snapshot", job: null });
  });

  it("of a channel is shown its newest 100 jobs, newest first", async () => {
    const channel = `snap-${hubs}`;
    for (let i = 0; i < 101; i++) await storedJob({ channel });
    const newest = await storedJob({ channel });
    const listener = await listenTo(hub, { channel });
    await listener.types(1);
    const [snapshot] = listener.frames;
    if (snapshot?.type !== "snapshot" || !("jobs" in snapshot)) throw new Error("no snapshot of a channel");
    expect(snapshot.jobs).toHaveLength(100);
    expect(snapshot.jobs[0]?.id).toBe(newest.id);
  });

  it("of a job hears of no other, one of the channel hears of all", async () => {
    const [mine, other] = [await storedJob(), await storedJob()];
    const ofJob = await listenTo(hub, { job: mine.id });
    const ofChannel = await listenTo(hub, { channel: "c" });
    await publish(submitted({ id: other.id }), submitted({ id: mine.id }));
    await ofChannel.types(3);
    await ofJob.types(2);
    expect(ids(ofJob.events())).toEqual([mine.id]);
    expect(ids(ofChannel.events())).toEqual([other.id, mine.id]);
  });

  it("of a job and one of the channel get its start and its progress when they come", async () => {
    const job = await storedIn("running");
    const listeners = [await listenTo(hub, { job: job.id }), await listenTo(hub, { channel: "c" })];
    await publish(started(job.id), progress(job.id));
    for (const listener of listeners) {
      expect(await listener.types(3)).toEqual(["snapshot", "job.started", "job.progress"]);
    }
  });

  it("gets what happened while its snapshot was being read, after it", async () => {
    const job = await storedJob();
    const wrapped = wrapDb(env.DB);
    await runInDurableObject(stub(), (instance) => {
      Reflect.set(instance, "env", { ...env, DB: wrapped.db });
      wrapped.meanwhile(() => instance.publish([submitted({ id: job.id, version: 9 })]));
    });
    const listener = await listenTo(hub, { job: job.id });
    expect(await listener.types(2)).toEqual(["snapshot", "job.submitted"]);
    expect(listener.events()[0]).toMatchObject({ version: 9 });
  });

  it("is turned away when the snapshot cannot be read, and comes in at the next try", async () => {
    const wrapped = wrapDb(env.DB);
    wrapped.fail(1);
    await runInDurableObject(stub(), (instance) => {
      Reflect.set(instance, "env", { ...env, DB: wrapped.db });
    });
    await expect(listenTo(hub, { job: "job_1" })).rejects.toThrow();
    const listener = await listenTo(hub, { job: "job_1" });
    expect(await listener.types(1)).toEqual(["snapshot"]);
  });

  it("that has gone does not keep the others from their news", async () => {
    const [gone, here] = [await listenTo(hub, { channel: "c" }), await listenTo(hub, { channel: "c" })];
    await gone.types(1);
    gone.socket.close(1000, "bye");
    for (let i = 0; i < 5; i++) await publish(submitted());
    expect(await here.types(6)).toHaveLength(6);
  });

  it("gets a pong for a ping, without the hub being woken", async () => {
    const listener = await listenTo(hub, { channel: "c" });
    const heard = new Promise((resolve) => {
      listener.socket.addEventListener("message", ({ data }) => data === "pong" && resolve(data));
    });
    listener.socket.send("ping");
    expect(await heard).toBe("pong");
  });
});

describe("a listener who comes back with a cursor", () => {
  it("gets what it has missed, in order, and nothing twice", async () => {
    const first = await listenTo(hub, { channel: "c" });
    const events = Array.from({ length: 6 }, () => submitted());
    await publish(...events.slice(0, 2));
    await first.types(3);
    await publish(...events.slice(2, 4));
    await publish(...events.slice(4));
    const second = await listenTo(hub, { channel: "c", since: first.frames[2]?.cursor ?? "" });
    expect((await second.types(5))[0]).toBe("snapshot");
    expect(ids(second.events())).toEqual(ids(events.slice(2)));
  });

  it("may come back from the middle of a publish of many events", async () => {
    const first = await listenTo(hub, { channel: "c" });
    const events = Array.from({ length: 10 }, () => submitted());
    await publish(...events);
    await first.types(11);
    for (const [i, { cursor }] of first.events().entries()) {
      const again = await listenTo(hub, { channel: "c", since: cursor });
      await again.types(1 + 9 - i);
      expect(ids(again.events())).toEqual(ids(events.slice(i + 1)));
    }
  });

  it("may come back to a hub that had no events yet", async () => {
    const first = await listenTo(hub, { channel: "c" });
    await first.types(1);
    await publish(submitted());
    const again = await listenTo(hub, { channel: "c", since: "0.0" });
    expect(await again.types(2)).toEqual(["snapshot", "job.submitted"]);
  });

  it("may come back to where it stood at its snapshot", async () => {
    await publish(submitted());
    const first = await listenTo(hub, { channel: "c" });
    await first.types(1);
    const event = submitted();
    await publish(event);
    const again = await listenTo(hub, { channel: "c", since: first.frames[0]?.cursor ?? "" });
    await again.types(2);
    expect(ids(again.events())).toEqual([event.job_id]);
  });

  it("comes back to the same place when it is cut off before it has read what it missed", async () => {
    await publish(submitted());
    const first = await listenTo(hub, { channel: "c" });
    await first.types(1);
    const since = first.cursor();
    await publish(submitted());
    const again = await listenTo(hub, { channel: "c", since });
    await again.types(2);
    expect(again.frames[0]?.cursor).toBe(since);
  });

  it("gets of what it missed only its own job", async () => {
    const job = await storedJob();
    const first = await listenTo(hub, { job: job.id });
    await first.types(1);
    const since = first.cursor();
    await publish(submitted(), submitted({ id: job.id, version: 2 }), submitted());
    const again = await listenTo(hub, { job: job.id, since });
    expect(await again.types(2)).toEqual(["snapshot", "job.submitted"]);
    expect(again.events()[0]).toMatchObject({ job_id: job.id, version: 2 });
  });

  it("is not told again of starts and progress, which are not kept", async () => {
    const job = await storedJob();
    const first = await listenTo(hub, { job: job.id });
    await first.types(1);
    const since = first.cursor();
    await publish(started(job.id), progress(job.id), submitted({ id: job.id, version: 5 }));
    const again = await listenTo(hub, { job: job.id, since });
    expect(await again.types(2)).toEqual(["snapshot", "job.submitted"]);
  });

  it.each(["9.1", "1.7", "0.3", "1.0"])(
    "starts anew when the cursor %s is not of this hub",
    async (since) => {
      await publish(submitted());
      const listener = await listenTo(hub, { channel: "c", since });
      expect(await listener.types(2)).toEqual(["reset", "snapshot"]);
      expect(listener.frames[1]?.cursor).toBe("1.1");
    },
  );

  it("starts anew when the hub does not remember that far back", async () => {
    await publish(submitted());
    await publish(submitted());
    await publishEach(Array.from({ length: SLOTS }, () => submitted()));
    for (const since of ["0.0", "1.1"]) {
      const old = await listenTo(hub, { channel: "c", since });
      expect(await old.types(2)).toEqual(["reset", "snapshot"]);
    }
    const young = await listenTo(hub, { channel: "c", since: "3.1" });
    expect(await young.types(SLOTS)).toHaveLength(SLOTS);
    expect(young.frames[0]?.type).toBe("snapshot");
  });

  it("starts anew when the rest of the publish it stood in is forgotten", async () => {
    await publish(submitted(), submitted(), submitted());
    await publishEach(Array.from({ length: SLOTS }, () => submitted()));
    const listener = await listenTo(hub, { channel: "c", since: "1.1" });
    expect((await listener.types(2)).slice(0, 2)).toEqual(["reset", "snapshot"]);
  });
});

describe("a hub that slept", () => {
  it("still has its sockets, its history and its place in it", async () => {
    const job = await storedJob();
    const ofChannel = await listenTo(hub, { channel: "c" });
    const ofJob = await listenTo(hub, { job: job.id });
    await publish(submitted(), submitted());
    await ofChannel.types(3);
    const cursor = ofChannel.frames[1]?.cursor ?? "";
    await evictDurableObject(stub());
    await publish(submitted({ id: job.id }));
    expect(await ofJob.types(2)).toEqual(["snapshot", "job.submitted"]);
    await ofChannel.types(4);
    expect(ofChannel.events().map((event) => event.cursor)).toEqual(["1.1", "1.2", "2.1"]);
    const again = await listenTo(hub, { channel: "c", since: cursor });
    await again.types(3);
    expect(again.events().map((event) => event.cursor)).toEqual(["1.2", "2.1"]);
  });
});

describe("hubs", () => {
  it("do not hear of one another", async () => {
    const here = await listenTo(hub, { channel: "c" });
    await env.EVENT_HUB.getByName(`${hub}-other`).publish([submitted()]);
    await publish(submitted({ task: "here" }));
    await here.types(2);
    expect(here.events()).toMatchObject([{ task: "here" }]);
  });

  it("write one row a publish, however many events are in it, and none for what is not kept", async () => {
    const job = aNewJob();
    await publish(...Array.from({ length: 500 }, () => submitted()));
    await publish(started(job.id), progress(job.id));
    const rows = await runInDurableObject(stub(), (_instance, state) =>
      state.storage.sql.exec<{ count: number }>("SELECT COUNT(*) AS count FROM ring").one(),
    );
    expect(rows.count).toBe(1);
  });
});

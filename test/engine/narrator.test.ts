import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { type JobEvent, moveEvent } from "../../src/core/events";
import { hubName } from "../../src/core/hubs";
import { announce } from "../../src/engine/announce";
import { createNarrator } from "../../src/engine/narrator";
import { type TestDeps, testDeps } from "../support/deps";
import { aJob } from "../support/factory";

type Call = { hub: string; events: JobEvent[] };

/** Hubs that write down what they are told. The first `failures` calls fail. */
function scribes(failures = 0, answer: () => Promise<void> = async () => {}) {
  const calls: Call[] = [];
  let left = failures;
  const getByName = (hub: string) => ({
    async publish(events: JobEvent[]) {
      left -= 1;
      if (left >= 0) throw new Error("hub away");
      calls.push({ hub, events });
      await answer();
    },
  });
  return { calls, hubs: { getByName } as unknown as TestDeps["hubs"] };
}

const news = (over: Parameters<typeof aJob>[0] = {}) => {
  const job = aJob(over);
  return { job, event: moveEvent(job, 1_000) };
};

describe("announce", () => {
  it("makes one call per hub, with the events in their order", async () => {
    const { calls, hubs } = scribes();
    const all = [news({ channel: "a" }), news({ channel: "b" }), news({ channel: "a" })];
    await announce(testDeps({ hubs }), all);
    const of = (channel: string) =>
      all.filter(({ job }) => job.channel === channel).map(({ event }) => event);
    expect(calls).toEqual([
      { hub: "default/channel/a", events: of("a") },
      { hub: "default/channel/b", events: of("b") },
    ]);
  });

  it("tells the hub of its id about a job without a channel", async () => {
    const { calls, hubs } = scribes();
    const one = news();
    await announce(testDeps({ hubs }), [one]);
    expect(calls.map(({ hub }) => hub)).toEqual([hubName("default", null, one.job.id)]);
  });

  it("makes no call without news", async () => {
    const { calls, hubs } = scribes();
    await announce(testDeps({ hubs }), []);
    expect(calls).toEqual([]);
  });

  it("tries three times, then goes on without the hub", async () => {
    const patient = scribes(2);
    await announce(testDeps({ hubs: patient.hubs }), [news()]);
    expect(patient.calls).toHaveLength(1);
    const deaf = scribes(3);
    const deps = testDeps({ hubs: deaf.hubs });
    await announce(deps, [news()]);
    expect(deaf.calls).toEqual([]);
    expect(deps.logs).toEqual([expect.objectContaining({ event: "announce_failed" })]);
  });
});

describe("the narrator", () => {
  const job = aJob({ state: "running", run: 1, version: 2, channel: "n" });
  const types = (calls: Call[]) => calls.map(({ events }) => events.map(({ type }) => type));

  it("gathers text while a call is under way, and loses none of it", async () => {
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    const { calls, hubs } = scribes(0, () => answered);
    const narrator = createNarrator(testDeps({ hubs }), job);
    narrator.move(moveEvent(job, 1_000));
    await vi.waitFor(() => expect(calls).toHaveLength(1), { timeout: 8_000 });
    for (const letter of "Tea in Lisbon") narrator.text(letter);
    answer();
    await narrator.finish();
    expect(types(calls)).toEqual([["job.started"], ["job.delta"]]);
    expect(calls[1]?.events).toMatchObject([{ text: "Tea in Lisbon", run: 1, version: 2, job_id: job.id }]);
  });

  it("keeps the order of text, progress and moves", async () => {
    const { calls, hubs } = scribes();
    const narrator = createNarrator(testDeps({ hubs }), job);
    narrator.move(moveEvent(job, 1_000));
    narrator.text("a");
    narrator.progress({ done: 1, total: 2, message: null });
    narrator.text("b");
    narrator.move(moveEvent({ ...job, state: "completed" }, 2_000));
    await narrator.finish();
    expect(types(calls).flat()).toEqual([
      ...["job.started", "job.delta", "job.progress", "job.delta", "job.completed"],
    ]);
  });

  it("tells the newest progress only", async () => {
    const { calls, hubs } = scribes();
    const narrator = createNarrator(testDeps({ hubs }), job);
    narrator.move(moveEvent(job, 1_000));
    for (let done = 1; done <= 50; done++) narrator.progress({ done, total: 50, message: null });
    await narrator.finish();
    expect(calls.flatMap(({ events }) => events)).toMatchObject([
      { type: "job.started" },
      { done: 50, total: 50 },
    ]);
  });

  it("makes few calls for many pieces of text", async () => {
    const { calls, hubs } = scribes();
    const narrator = createNarrator(testDeps({ hubs }), job);
    for (let i = 0; i < 300; i++) {
      narrator.text("x");
      if (i % 100 === 0) await env.DB.prepare("SELECT 1").first();
    }
    await narrator.finish();
    expect(calls.length).toBeLessThanOrEqual(5);
    const text = calls
      .flatMap(({ events }) => events.map((event) => ("text" in event ? event.text : "")))
      .join("");
    expect(text).toBe("x".repeat(300));
  });

  it("ends when there is nothing to tell", async () => {
    const { calls, hubs } = scribes();
    await createNarrator(testDeps({ hubs }), job).finish();
    expect(calls).toEqual([]);
  });

  it("ends though no hub answers", async () => {
    const { hubs } = scribes(1_000);
    const narrator = createNarrator(testDeps({ hubs }), job);
    narrator.move(moveEvent(job, 1_000));
    await expect(narrator.finish()).resolves.toBeUndefined();
  });
});

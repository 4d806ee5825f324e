import { env } from "cloudflare:workers";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type JobEvent, moveEvent } from "../../src/core/events";
import { hubName } from "../../src/core/hubs";
import type { Job } from "../../src/core/job";
import { announce } from "../../src/engine/announce";
import { createNarrator } from "../../src/engine/narrator";
import { createOutbox } from "../../src/engine/outbox";
import { createRunTools } from "../../src/engine/run-batch";
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

const types = (calls: Call[]) => calls.map(({ events }) => events.map(({ type }) => type));

const narratorOf = (job: Job, deps: TestDeps) => createNarrator(deps, job, createRunTools(deps));

describe("the narrator", () => {
  const job = aJob({ state: "running", run: 1, version: 2, channel: "n" });
  it("gathers text while a call is under way, and loses none of it", async () => {
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    const { calls, hubs } = scribes(0, () => answered);
    const narrator = narratorOf(job, testDeps({ hubs }));
    narrator.move(moveEvent(job, 1_000));
    await vi.waitFor(() => expect(calls).toHaveLength(1), { timeout: 8_000 });
    for (const letter of "Tea in Lisbon") narrator.say({ type: "text", text: letter });
    answer();
    await narrator.finish();
    expect(types(calls)).toEqual([["job.started"], ["job.delta"]]);
    expect(calls[1]?.events).toMatchObject([{ text: "Tea in Lisbon", run: 1, version: 2, job_id: job.id }]);
  });

  it("keeps the order of text, progress and moves", async () => {
    const { calls, hubs } = scribes();
    const narrator = narratorOf(job, testDeps({ hubs }));
    narrator.move(moveEvent(job, 1_000));
    narrator.say({ type: "text", text: "a" });
    narrator.progress({ done: 1, total: 2, message: null });
    narrator.say({ type: "text", text: "b" });
    narrator.move(moveEvent({ ...job, state: "completed" }, 2_000));
    await narrator.finish();
    expect(types(calls).flat()).toEqual([
      ...["job.started", "job.delta", "job.progress", "job.delta", "job.completed"],
    ]);
  });

  it("tells the newest progress only", async () => {
    const { calls, hubs } = scribes();
    const narrator = narratorOf(job, testDeps({ hubs }));
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
    const narrator = narratorOf(job, testDeps({ hubs }));
    for (let i = 0; i < 300; i++) {
      narrator.say({ type: "text", text: "x" });
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
    await narratorOf(job, testDeps({ hubs })).finish();
    expect(calls).toEqual([]);
  });

  it("ends though no hub answers", async () => {
    const { hubs } = scribes(1_000);
    const narrator = narratorOf(job, testDeps({ hubs }));
    narrator.move(moveEvent(job, 1_000));
    await expect(narrator.finish()).resolves.toBeUndefined();
  });
});

describe("the outbox", () => {
  it("tells the news of jobs with the same hub in one call, and of others apart", async () => {
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    const { calls, hubs } = scribes(0, () => answered);
    const outbox = createOutbox(testDeps({ hubs }));
    const all = ["a", "a", "a", "b"].map((channel) => news({ channel }));
    const told = all.map(({ job, event }) => outbox.tell(job, event));
    answer();
    await Promise.all(told);
    const sizes = calls.map(({ hub, events }) => [hub, events.length]);
    expect(sizes.toSorted()).toEqual([
      ["default/channel/a", 1],
      ["default/channel/a", 2],
      ["default/channel/b", 1],
    ]);
  });

  it("keeps the text of two jobs apart, each in its order", async () => {
    const { calls, hubs } = scribes();
    const deps = testDeps({ hubs });
    const tools = createRunTools(deps);
    const [one, two] = [aJob({ channel: "n", run: 1 }), aJob({ channel: "n", run: 1 })];
    const [first, second] = [one, two].map((job) => createNarrator(deps, job, tools));
    for (const letter of "Lisbon") {
      first?.say({ type: "text", text: letter });
      second?.say({ type: "text", text: letter.toUpperCase() });
    }
    await Promise.all([first?.finish(), second?.finish()]);
    const events = calls.flatMap((call) => call.events);
    const textOf = (job: Job) =>
      events.map((event) => (event.job_id === job.id && "text" in event ? event.text : "")).join("");
    expect([textOf(one), textOf(two)]).toEqual(["Lisbon", "LISBON"]);
  });

  it("tells a state change at once, though text of another job has just gone out", async () => {
    // The pause after text never ends by itself here.
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const { calls, hubs } = scribes();
    const deps = testDeps({ hubs });
    const tools = createRunTools(deps);
    const [talker, other] = [aJob({ channel: "n", run: 1 }), aJob({ channel: "n", run: 1 })];
    const narrator = createNarrator(deps, talker, tools);
    narrator.say({ type: "text", text: "a" });
    await narrator.finish();
    narrator.say({ type: "text", text: "b" });
    await tools.outbox.tell(other, moveEvent(other, 1_000));
    expect(types(calls)).toEqual([["job.delta"], ["job.delta", "job.submitted"]]);
  });
});

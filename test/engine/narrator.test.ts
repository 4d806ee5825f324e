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

/** The pauses between calls end when the test says so. */
function stoppedPauses() {
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  return { pass: (ms: number) => vi.advanceTimersByTimeAsync(ms) };
}

const types = (calls: Call[]) => calls.map(({ events }) => events.map(({ type }) => type));

const narratorOf = (job: Job, deps: TestDeps) => createNarrator(deps, job, createRunTools(deps));

const step = (done: number) => ({ done, total: 300, message: null });

describe("the narrator", () => {
  const job = aJob({ state: "running", run: 1, version: 2, channel: "n" });
  it("keeps the order of moves and progress", async () => {
    const { calls, hubs } = scribes();
    const narrator = narratorOf(job, testDeps({ hubs }));
    narrator.move(moveEvent(job, 1_000));
    narrator.progress(step(1));
    narrator.move(moveEvent({ ...job, state: "completed" }, 2_000));
    await narrator.finish();
    expect(types(calls).flat()).toEqual(["job.started", "job.progress", "job.completed"]);
  });

  it("tells the newest of the progress that came while a call was under way, and of which run it is", async () => {
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    const { calls, hubs } = scribes(0, () => answered);
    const narrator = narratorOf(job, testDeps({ hubs }));
    narrator.move(moveEvent(job, 1_000));
    await vi.waitFor(() => expect(calls).toHaveLength(1), { timeout: 8_000 });
    for (let done = 1; done <= 50; done++) narrator.progress(step(done));
    answer();
    await narrator.finish();
    expect(types(calls)).toEqual([["job.started"], ["job.progress"]]);
    expect(calls[1]?.events).toMatchObject([{ ...step(50), run: 1, version: 2, job_id: job.id }]);
  });

  it("makes no second call for progress that comes within a tenth of a second", async () => {
    const pauses = stoppedPauses();
    const { calls, hubs } = scribes();
    const narrator = narratorOf(job, testDeps({ hubs }));
    narrator.progress(step(1));
    await narrator.finish();
    for (let done = 2; done <= 300; done++) narrator.progress(step(done));
    await pauses.pass(99);
    expect(calls).toHaveLength(1);
    await pauses.pass(1);
    await narrator.finish();
    expect(calls.map(({ events }) => events)).toMatchObject([[step(1)], [step(300)]]);
  });

  it("tells listeners no text", async () => {
    const { calls, hubs } = scribes();
    const narrator = narratorOf(job, testDeps({ hubs }));
    narrator.say({ type: "text", text: "Tea" });
    await narrator.finish();
    expect(calls).toEqual([]);
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

  it("keeps the progress of two jobs apart, the newest of each", async () => {
    const { calls, hubs } = scribes();
    const deps = testDeps({ hubs });
    const tools = createRunTools(deps);
    const [one, two] = [aJob({ channel: "n", run: 1 }), aJob({ channel: "n", run: 1 })];
    const [first, second] = [one, two].map((job) => createNarrator(deps, job, tools));
    for (let done = 1; done <= 5; done++) {
      first?.progress(step(done));
      second?.progress(step(10 * done));
    }
    await Promise.all([first?.finish(), second?.finish()]);
    const events = calls.flatMap((call) => call.events);
    const newestOf = (job: Job) => events.findLast(({ job_id }) => job_id === job.id);
    expect([newestOf(one), newestOf(two)]).toMatchObject([step(5), step(50)]);
  });

  it("tells a state change at once, though progress of another job has just gone out", async () => {
    stoppedPauses();
    const { calls, hubs } = scribes();
    const deps = testDeps({ hubs });
    const tools = createRunTools(deps);
    const [talker, other] = [aJob({ channel: "n", run: 1 }), aJob({ channel: "n", run: 1 })];
    const narrator = createNarrator(deps, talker, tools);
    narrator.progress(step(1));
    await narrator.finish();
    narrator.progress(step(2));
    await tools.outbox.tell(other, moveEvent(other, 1_000));
    expect(types(calls)).toEqual([["job.progress"], ["job.progress", "job.submitted"]]);
  });
});

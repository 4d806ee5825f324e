// What is done to the world while faults happen: each scenario begins something, and says what must come of it.

import { env } from "cloudflare:workers";
import { childId } from "../../src/core/children";
import { cancelAll } from "../../src/engine/cancel";
import type { JobRequest } from "../../src/engine/check-jobs";
import { erase } from "../../src/engine/erase";
import { operate } from "../../src/engine/operate";
import { pause, resume } from "../../src/engine/pause";
import { setBudget } from "../../src/store/budgets";
import { listPauses } from "../../src/store/pauses";
import { answer, eventStream, failure, textChunk, usageChunk } from "../llm/fake-provider";
import type { TestDeps } from "./deps";
import { PROJECT } from "./factory";
import { howTold, type Promised, type Scenario, type Stage, submit } from "./fault-stage";
import { pass } from "./virtual-time";
import type { Act } from "./world";

const chat = (over: Partial<JobRequest> = {}): JobRequest => ({
  task: "generate",
  input: { prompt: "Tea in Lisbon", model: "acme/chat" },
  // So that a call that hangs does not take long to tell from one that takes long.
  timeout_s: 20,
  ...over,
});

const limited = (over: Partial<JobRequest> = {}) =>
  chat({ input: { prompt: "Tea in Lisbon", model: "acme/limited" }, ...over });

const tokensADay = (tokens: number) => ({
  jobsPerMinute: null,
  spending: { tokens_per_day: tokens, usd_per_day: null, usd_per_month: null },
});

const LARGE = "tea ".repeat(4_000);

const largeAnswer = () =>
  eventStream([
    textChunk(LARGE, "stop"),
    usageChunk({ prompt_tokens: 100, completion_tokens: 10 }),
    "[DONE]",
  ]);

const vectors = (init?: RequestInit) => {
  const { input } = JSON.parse(String(init?.body)) as { input: string[] };
  const data = input.map((_, index) => ({ index, embedding: [0.5, 0.25] }));
  return Response.json({ data, usage: { prompt_tokens: 50 } });
};

/** Begins to answer, and goes on until it is asked to end. */
const endless = (init?: RequestInit) => eventStream([textChunk("Hello ")], { ...init, hang: true });

/** Does something to a job while it is at its model for the first time; the model is done when that was refused. */
async function meanwhile(
  stage: Stage,
  job: string,
  init: RequestInit | undefined,
  name: string,
  act: Act<unknown>,
) {
  const promise = stage.promised.find(({ ids }) => ids.includes(job));
  const end = name === "cancel" ? ("cancelled" as const) : ("gone" as const);
  if (promise) promise.ends = ["completed", end];
  const { ended } = stage.world.start(name, act);
  const done = howTold(await ended) === "accepted";
  if (promise && done) promise.ends = [end];
  return done ? endless(init) : answer();
}

/** The batch, and each of its items, is promised what any job is. */
async function submitBatch(stage: Stage, count: number): Promise<void> {
  const items = Array.from({ length: count }, () => ({ input: chat().input }));
  const request = { task: "batch", input: { task: "generate", items } };
  await submit(stage, [request], { calls: 0, text: `"completed":${count}` });
  const [batch] = stage.promised as [Promised];
  const ids = items.map((_, i) => childId(batch.ids[0] ?? "", i));
  stage.promised.push({ ...batch, ids, calls: 1, text: "Hello there" });
}

/** While its first item is at the model. Those that have ended by then stay as they are. */
async function cancelBatch(stage: Stage, init: RequestInit | undefined) {
  const [batch, items] = stage.promised as [Promised, Promised];
  const { ended } = stage.world.start("cancel", (deps) => cancelAll(deps, batch.ids.map(keyOf)));
  const isDone = howTold(await ended) === "accepted";
  batch.ends = isDone ? ["cancelled"] : ["completed", "cancelled"];
  items.ends = ["completed", "cancelled"];
  for (const one of [batch, items]) one.text = "";
  return isDone ? endless(init) : answer();
}

async function completed(stage: Stage, request: JobRequest): Promise<string> {
  await submit(stage, [request]);
  await stage.world.live();
  return stage.promised.at(-1)?.ids[0] ?? "";
}

export const SCENARIOS: Scenario[] = [
  {
    name: "generate",
    reply: answer,
    begin: async (stage) => void (await submit(stage, [chat()])),
  },
  {
    name: "generate with input and output in R2",
    reply: largeAnswer,
    begin: async (stage) => {
      const request = chat({ input: { prompt: LARGE, model: "acme/chat" }, channel: "large" });
      await submit(stage, [request], { text: LARGE.trim() });
    },
  },
  {
    name: "four jobs at a gate that lets three in",
    reply: answer,
    begin: async (stage) => void (await submit(stage, [limited(), limited(), limited(), limited()])),
  },
  {
    name: "a bulk that the gate is told of at once",
    reply: answer,
    begin: async (stage) => {
      await submit(
        stage,
        Array.from({ length: 11 }, () => limited({ lane: "bulk" })),
        {},
        { list: true },
      );
    },
  },
  {
    name: "three jobs, two of which wait until their budget is raised",
    reply: answer,
    begin: async (stage) => {
      const mine = { projectId: PROJECT, keyId: null };
      // The first is let in, because nothing is used yet; what it uses is more than the others find.
      await setBudget(env.DB, mine, tokensADay(1));
      await submit(stage, [chat(), chat(), limited()]);
      for (let i = 0; i < 3; i++) {
        const bells = stage.world.takeBells();
        if (bells.length > 0) await stage.world.consume(bells);
      }
      const raise: Act<boolean> = (deps) => setBudget(deps.db, mine, tokensADay(1_000_000));
      for (let i = 0; i < 8; i++) {
        const { answer } = await stage.world.run("root", raise);
        if (answer?.ok) return;
        pass(30_000);
      }
      stage.world.wrongs.push("a budget that is never raised");
    },
  },
  {
    name: "stream on a channel",
    reply: answer,
    begin: async (stage) => void (await submit(stage, [chat({ stream: true, channel: "stream" })])),
  },
  {
    name: "fail once and be tried again",
    reply: (_call, nth) => (nth === 1 ? failure(503) : answer()),
    begin: async (stage) => void (await submit(stage, [chat()], { calls: 2, attempts: 2 })),
  },
  {
    name: "cancel while it runs",
    reply: (call, nth, init, stage) =>
      nth > 1
        ? answer()
        : meanwhile(stage, call.job, init, "cancel", (deps) => cancelAll(deps, [keyOf(call.job)])),
    begin: async (stage) => void (await submit(stage, [chat({ channel: "cancel" })], { text: "" })),
  },
  {
    name: "three in bulk with idempotency keys",
    reply: answer,
    begin: async (stage) => {
      const jobs = ["a", "b", "c"].map((idempotency_key) => chat({ idempotency_key, tags: ["bulk"] }));
      const more = { list: true, bulkKey: "all" };
      for (let i = 0; i < 8; i++) {
        const end = await submit(stage, jobs, {}, more);
        if (end.answer?.ok) return;
        // Who was not told sends it again; what comes of it is what counts.
        const last = stage.promised.at(-1);
        if (last && last.how !== "refused") stage.promised.pop();
        pass(30_000);
      }
      stage.world.wrongs.push("a bulk that is never taken");
    },
  },
  {
    name: "three with one concurrency key",
    reply: answer,
    begin: async (stage) => {
      const one = chat({ concurrency: { key: "document-1", limit: 1 } });
      await submit(stage, [one, one, one], {}, { list: true });
    },
  },
  {
    name: "three equal jobs that share a call",
    reply: answer,
    begin: async (stage) => {
      const one = chat({ cache: {}, channel: "shared" });
      await submit(stage, [one, one, one], {}, { list: true });
    },
  },
  {
    name: "cancel a job that equal ones wait for",
    reply: (call, nth, init, stage) =>
      nth > 1 || !stage.promised[0]?.ids.includes(call.job)
        ? answer()
        : meanwhile(stage, call.job, init, "cancel", (deps) => cancelAll(deps, [keyOf(call.job)])),
    begin: async (stage) => {
      const one = chat({ cache: {}, channel: "cancel" });
      await submit(stage, [one], { text: "" });
      await submit(stage, [one, one], {}, { list: true });
    },
  },
  {
    name: "a batch of three",
    reply: answer,
    begin: async (stage) => void (await submitBatch(stage, 3)),
  },
  {
    name: "cancel a batch while an item runs",
    reply: (_call, nth, init, stage) => (nth > 1 ? answer() : cancelBatch(stage, init)),
    begin: async (stage) => void (await submitBatch(stage, 2)),
  },
  {
    name: "resume a project that was paused",
    reply: answer,
    prepare: async (stage) => {
      await stage.world.run("api", (deps) => pause(deps, { projectId: PROJECT }));
      await submit(stage, [chat()]);
      await stage.world.consume(stage.world.takeBells());
    },
    begin: async ({ world }) => {
      for (let i = 0; i < 8; i++) {
        const end = await world.run("api", resumeAll);
        if (end.answer?.ok) return;
        pass(30_000);
      }
      world.wrongs.push("a pause that never ends");
    },
  },
  {
    name: "embed in two slices",
    reply: (_call, _nth, init) => vectors(init),
    begin: async (stage) => {
      const request = {
        task: "embed",
        input: { input: ["a", "b", "c"], model: "acme/vectors" },
        timeout_s: 20,
      };
      await submit(stage, [request], { calls: 2, text: "[0.5,0.25]" });
    },
  },
  {
    name: "erase a completed job",
    reply: largeAnswer,
    prepare: async (stage) => {
      const input = { prompt: LARGE, model: "acme/chat" };
      await completed(stage, chat({ input, tags: ["x"], idempotency_key: "erased", channel: "erase" }));
    },
    begin: async (stage) => {
      const { ids } = stage.promised[0] as Promised;
      const end = await stage.world.run("erase", (deps) => erase(deps, ids.map(keyOf)));
      const [promise] = stage.promised as [Promised];
      promise.ends = howTold(end) === "accepted" ? ["gone"] : ["gone", "completed"];
      promise.text = LARGE.trim();
    },
  },
  {
    name: "erase a running job",
    reply: (call, nth, init, stage) =>
      nth > 1
        ? answer()
        : meanwhile(stage, call.job, init, "erase", (deps) => erase(deps, [keyOf(call.job)])),
    begin: async (stage) => void (await submit(stage, [chat({ channel: "erase" })], { text: "" })),
  },
  {
    name: "run what has failed again by an operation",
    reply: (_call, nth) => (nth === 1 ? failure(400) : answer()),
    prepare: async (stage) => {
      for (let i = 0; i < 3; i++) await completed(stage, chat());
    },
    begin: async ({ world, promised }) => {
      const filter = { state: "failed" as const };
      const start = { projectId: PROJECT, target: PROJECT, action: "retry" as const, filter, rate: null };
      const end = await world.run("api", (deps) => operate(deps, start));
      const rows = await env.DB.prepare("SELECT COUNT(*) AS count FROM operations").first<{
        count: number;
      }>();
      for (const promise of promised) {
        const isStored = howTold(end) === "accepted" || rows?.count === 1;
        Object.assign(
          promise,
          isStored ? { calls: 2, endings: 2 } : { ends: ["failed"], text: "", calls: 1 },
        );
      }
    },
  },
];

async function resumeAll(deps: TestDeps): Promise<void> {
  for (const one of await listPauses(deps.db, PROJECT)) await resume(deps, one, PROJECT);
}

const keyOf = (id: string) => ({ projectId: PROJECT, id });

// What compiles and what does not: each line that must not stands under an `@ts-expect-error`, which the compiler checks.

import { expect, expectTypeOf, it } from "vitest";
import type {
  EmbedOutput,
  Errand,
  ErrandError,
  ErrorCode,
  FinishedJob,
  Frame,
  GenerateOutput,
  Job,
  JobPage,
  StreamPart,
  Tool,
  ToolCall,
} from "../../client/src/index";

/** Compiled, and never run. */
function compiles(_code: (errand: Errand) => unknown): void {}

it("the name of a task decides what its input and output are", () => {
  compiles(async ({ jobs }) => {
    expectTypeOf(await jobs.submit("generate", { prompt: "a" })).toEqualTypeOf<Job<GenerateOutput>>();
    expectTypeOf(await jobs.run("embed", { input: ["a"] })).toEqualTypeOf<FinishedJob<EmbedOutput>>();
    expectTypeOf((await jobs.run("embed", { input: "a" })).output.embeddings).toEqualTypeOf<number[][]>();

    // @ts-expect-error: of another task
    await jobs.submit("generate", { input: "a" });
    // @ts-expect-error: of another type
    await jobs.submit("generate", { prompt: 7 });
    // @ts-expect-error: misspelt
    await jobs.run("generate", { prompt: "a", max_tokens: 7 });
    // @ts-expect-error: a role that there is not
    await jobs.run("generate", { messages: [{ role: "boss", content: "a" }] });
    // @ts-expect-error: missing
    await jobs.run("extract", { text: "a" });
    // @ts-expect-error: of another task
    (await jobs.run("embed", { input: "a" })).output.text;
  });
});

it("what the model has called can be answered, and what is left out does not compile", () => {
  compiles(async ({ jobs }) => {
    const tools: Tool[] = [{ type: "function", function: { name: "brew" } }];
    const first = await jobs.run("generate", { prompt: "a", tools, tool_choice: "required" });
    expectTypeOf(first.output.tool_calls).toEqualTypeOf<ToolCall[] | undefined>();
    const calls = (first.output.tool_calls ?? []).map(({ id, name, arguments: json }) => ({
      ...{ id, type: "function" as const, function: { name, arguments: json } },
    }));
    const answers = calls.map(({ id }) => ({ role: "tool" as const, tool_call_id: id, content: "Done." }));
    await jobs.run("generate", { messages: [{ role: "assistant", tool_calls: calls }, ...answers], tools });
    // @ts-expect-error: an answer to no call
    await jobs.run("generate", { messages: [{ role: "tool", content: "Done." }] });
    // @ts-expect-error: a choice that there is not
    await jobs.run("generate", { prompt: "a", tools, tool_choice: "always" });
  });
});

it("a task that is not known does not compile, unless its name is known at run time only", () => {
  compiles(async ({ jobs }) => {
    // @ts-expect-error: misspelt
    await jobs.submit("genrate", { prompt: "a" });
    // @ts-expect-error: misspelt
    await jobs.run("genrate", { prompt: "a" });
    const name = "generate" as string;
    expectTypeOf(await jobs.submit(name, { any: "thing" })).toEqualTypeOf<Job<unknown>>();
    expectTypeOf((await jobs.run(name, 7)).output).toEqualTypeOf<unknown>();
    const either = "generate" as "generate" | "embed";
    expectTypeOf((await jobs.run(either, { prompt: "a" })).output).toEqualTypeOf<
      GenerateOutput | EmbedOutput
    >();
  });
});

it("generate() takes the input of its task, and what a job can have that begins at once", () => {
  compiles(async (errand) => {
    const stream = errand.generate({ prompt: "a" }, { channel: "c", maxAttempts: 1, idempotencyKey: "k" });
    expectTypeOf(await stream.job).toEqualTypeOf<Job<GenerateOutput>>();
    expectTypeOf(await stream.text()).toEqualTypeOf<string>();
    for await (const part of stream) expectTypeOf(part).toEqualTypeOf<StreamPart>();

    // @ts-expect-error: misspelt
    errand.generate({ promt: "a" });
    // @ts-expect-error: of another task
    errand.generate({ input: "a" });
    // @ts-expect-error: a role that there is not
    errand.generate({ messages: [{ role: "boss", content: "a" }] });
    // @ts-expect-error: it streams anyhow
    errand.generate({ prompt: "a" }, { stream: true });
    // @ts-expect-error: it begins at once
    errand.generate({ prompt: "a" }, { delayS: 1 });
    // @ts-expect-error: somebody waits for it
    errand.generate({ prompt: "a" }, { lane: "bulk" });
  });
});

it("each job of a bulk has the input of its task", () => {
  compiles(async ({ jobs }) => {
    await jobs.bulk(["a", "b"].map((prompt) => ({ task: "generate", input: { prompt }, tags: ["t"] })));
    await jobs.bulk([
      { task: "generate", input: { prompt: "a" }, idempotencyKey: "k" },
      { task: "embed", input: { input: "a" } },
    ]);
    // @ts-expect-error: of another task
    await jobs.bulk([{ task: "embed", input: { prompt: "a" } }]);
    // @ts-expect-error: misspelt
    await jobs.bulk([{ task: "genrate", input: { prompt: "a" } }]);
  });
});

it("options have names and values of their own", () => {
  compiles(async ({ jobs, events }) => {
    const input = { prompt: "a" };
    await jobs.submit("generate", input, { delayS: 1, runAt: new Date(), onBudget: "fail" });
    // @ts-expect-error: a name of the wire
    await jobs.submit("generate", input, { delay_s: 1 });
    // @ts-expect-error: a lane that there is not
    await jobs.submit("generate", input, { lane: "fast" });
    // @ts-expect-error: for run() only
    await jobs.submit("generate", input, { cancelOnAbort: true });
    // @ts-expect-error: a state that there is not
    await jobs.list({ state: "done" });
    // @ts-expect-error: either a channel or a job
    events.subscribe({});
  });
});

it("what comes back has types", () => {
  compiles(async ({ jobs, events }) => {
    expectTypeOf(await jobs.list()).toEqualTypeOf<JobPage>();
    for await (const job of jobs.list()) expectTypeOf(job).toEqualTypeOf<Job>();
    expectTypeOf((await jobs.get<GenerateOutput>("job_1")).output).toEqualTypeOf<GenerateOutput | null>();
    expectTypeOf((await jobs.output("job_1")) satisfies unknown).toEqualTypeOf<unknown>();
    for await (const frame of events.subscribe({ channel: "c" })) {
      expectTypeOf(frame).toEqualTypeOf<Frame>();
      if (frame.type === "job.failed") expectTypeOf(frame.version).toEqualTypeOf<number>();
      // @ts-expect-error: no event has an output
      if (frame.type === "job.completed") frame.output;
      // @ts-expect-error: an event that there is not
      if (frame.type === "job.done") return;
    }
  });
});

it("a code of an error is offered by its name, and may be a newer one", () => {
  const code: ErrandError["code"] = "quota_exceeded" satisfies ErrorCode;
  const newer: ErrandError["code"] = "of_the_future";
  // @ts-expect-error: misspelt
  const wrong: ErrorCode = "quota_exeeded";
  expect([code, newer, wrong]).toHaveLength(3);
});

// Task generate with tools and reasoning, against the sandbox.

import { describe, expect, it } from "vitest";
import { generate } from "../../src/tasks/generate";
import { tasks } from "../../src/tasks/index";
import { inputProblems, runTask } from "./task-harness";

const task = tasks[0] ?? generate;
const run = (input: Record<string, unknown>, model = "sandbox/chat") => runTask(generate, model, input);

const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = [{ type: "function", function: { name: "get_weather", parameters } }];
const ARGUMENTS = '{"city":"Sample city"}';

const response_format = {
  type: "json_schema",
  json_schema: { name: "city", schema: { type: "object", properties: { a: { type: "string" } } } },
};

describe("generate with tools", () => {
  it("gives the calls, with their arguments as the model wrote them, and streams them", async () => {
    const { output, streamed, called } = await run({ prompt: "hi", tools, tool_choice: "required" });
    const call = { id: expect.any(String), name: "get_weather", arguments: ARGUMENTS };
    expect(output).toEqual({
      text: "",
      tool_calls: [call],
      finish_reason: "tool_calls",
      model: "sandbox/chat",
    });
    expect(streamed).toBe("");
    expect(called.map((piece) => piece.arguments).join("")).toBe(ARGUMENTS);
    expect(new Set(called.map(({ name }) => name))).toEqual(new Set(["get_weather"]));
  });

  it("goes on from the answers of its tools", async () => {
    const called = {
      id: "call_1",
      type: "function",
      function: { name: "get_weather", arguments: ARGUMENTS },
    };
    for (const content of [{}, { content: null }, { content: "One moment." }]) {
      const messages = [
        { role: "user", content: "Weather?" },
        { role: "assistant", ...content, tool_calls: [called] },
        { role: "tool", tool_call_id: "call_1", content: "Sunny." },
      ];
      const { output } = await run({ messages, tools }, "sandbox/chat!calls=1,reply=Sunny");
      expect(output).toEqual({
        text: "Sunny",
        finish_reason: "stop",
        model: "sandbox/chat!calls=1,reply=Sunny",
      });
    }
  });

  it("checks no JSON where it calls, and has its answer checked and repaired where it speaks", async () => {
    const calling = await run({ prompt: "hi", tools, tool_choice: "required", response_format });
    expect(calling.output).toMatchObject({ tool_calls: [{ name: "get_weather" }] });
    expect(calling.output).not.toHaveProperty("json");
    const cut = { prompt: "hi", tools, tool_choice: "required", response_format, max_output_tokens: 2 };
    expect((await run(cut)).output).toMatchObject({ finish_reason: "length", tool_calls: [{}] });
    const speaking = await run({ prompt: "hi", tools, response_format }, "sandbox/chat!malformed=once");
    expect(speaking.output).toMatchObject({ json: { a: "Sample a" } });
    expect(speaking.usages).toHaveLength(2);
  });

  it("repairs with words alone, whatever it may call", async () => {
    // The first answer is wrong JSON. The second would be a call, were it not told to make none.
    const wrong = { answer: "{", problems: ["The answer is not valid JSON."] };
    const input = { prompt: "hi", tools, tool_choice: "required", response_format };
    const { output } = await runTask(generate, "sandbox/chat", input, { state: wrong });
    expect(output).toMatchObject({ json: { a: "Sample a" } });
  });

  it("counts tools and calls into its size, and images but once", async () => {
    const size = (input: Record<string, unknown>) => generate.size?.(generate.input.parse(input)).chars ?? 0;
    const prompt = "12345678";
    expect(size({ prompt })).toBe(8);
    expect(size({ prompt, tools })).toBe(8 + 1 + JSON.stringify(tools[0]).length);
    const called = { id: "c", type: "function", function: { name: "x", arguments: "y".repeat(500) } };
    const messages = [{ role: "assistant", tool_calls: [called] }];
    expect(size({ messages })).toBeGreaterThan(500);
    const image = { type: "image_url", image_url: { url: `data:image/png;base64,${"A".repeat(90_000)}` } };
    expect(size({ messages: [{ role: "user", content: [image] }] })).toBe(3_000);
  });
});

describe("generate with a model that reasons", () => {
  it("gives the reasoning beside the text, and streams it apart", async () => {
    const model = "sandbox/chat!reasoning=Hm.,reply=Hello";
    const { output, streamed, reasoned } = await run({ prompt: "hi", reasoning_effort: "low" }, model);
    expect(output).toEqual({ text: "Hello", reasoning: "Hm.", finish_reason: "stop", model });
    expect([streamed, reasoned]).toEqual(["Hello", "Hm."]);
  });
});

describe("the input of generate", () => {
  it("may have tools, and messages with calls and their answers", () => {
    const called = { id: "c", type: "function", function: { name: "get_weather", arguments: "{}" } };
    const input = {
      messages: [
        { role: "user", content: "Weather?" },
        { role: "assistant", tool_calls: [called] },
        { role: "tool", tool_call_id: "c", content: [{ type: "text", text: "Sunny." }] },
      ],
      tools: [
        {
          type: "function",
          function: { name: "get_weather", description: "x", parameters: {}, strict: true },
        },
        { type: "function", function: { name: "get_time" } },
      ],
      tool_choice: { type: "function", function: { name: "get_time" } },
      parallel_tool_calls: false,
    };
    expect(inputProblems(task, input)).toEqual([]);
  });

  it.each<[string, object, RegExp]>([
    ["a tool choice without tools", { tool_choice: "auto" }, /^tool_choice: expected `tools` beside it/],
    ["parallel calls without tools", { parallel_tool_calls: true }, /^parallel_tool_calls: expected `tools`/],
    ["no tools", { tools: [] }, /^tools: /],
    ["too many tools", { tools: Array(129).fill(tools[0]) }, /^tools: /],
    ["an odd name", { tools: [named("get weather")] }, /^tools\.0\.function\.name: expected 1 to 64 letters/],
    ["a tool of another type", { tools: [{ type: "web_search" }] }, /^tools\.0\.type: /],
    [
      "a choice of no tool",
      { tools, tool_choice: { type: "function", function: { name: "fly" } } },
      /^tool_choice\.function\.name: expected the name of one of `tools`, not "fly"/,
    ],
  ])("is refused with %s", (_, over, problem) => {
    const problems = inputProblems(task, { prompt: "a", ...over });
    expect(problems.filter((text) => problem.test(text))).toHaveLength(1);
  });

  it.each<[string, object, RegExp]>([
    ["an assistant who says nothing", { role: "assistant" }, /^messages\.0\.content: expected text, unless/],
    [
      "null and no calls",
      { role: "assistant", content: null },
      /^messages\.0\.content: expected text, unless/,
    ],
    ["an answer to no call", { role: "tool", content: "a" }, /^messages\.0\.tool_call_id: /],
    ["a user who calls", { role: "user", content: "a", tool_calls: [] }, /^messages\.0: .*tool_calls/],
    ["no calls", { role: "assistant", content: "a", tool_calls: [] }, /^messages\.0\.tool_calls: /],
    [
      "arguments that are no text",
      {
        role: "assistant",
        tool_calls: [{ id: "c", type: "function", function: { name: "a", arguments: {} } }],
      },
      /^messages\.0\.tool_calls\.0\.function\.arguments: /,
    ],
  ])("is refused with a message of %s", (_, message, problem) => {
    const problems = inputProblems(task, { messages: [message] });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });
});

function named(name: string) {
  return { type: "function", function: { name } };
}

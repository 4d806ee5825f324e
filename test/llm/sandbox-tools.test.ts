// The sandbox's tool calls and reasoning.

import { describe, expect, it } from "vitest";
import { sandboxFetch } from "../../src/llm/sandbox/sandbox-fetch";
import { checkAnswer } from "../../src/llm/structured";
import { sandbox, user } from "./sandbox-harness";

const parameters = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer", minimum: 2 } },
  required: ["city", "days"],
};
const weather = { type: "function", function: { name: "get_weather", parameters } };
const time = { type: "function", function: { name: "get_time" } };
const tools = [weather, time];

const named = (calls: { name: string }[]) => calls.map(({ name }) => name);

describe("sandbox/chat with tools", () => {
  it("answers with text unless it has to call one", async () => {
    for (const more of [{ tools }, { tools, tool_choice: "auto" }, { tools, tool_choice: "none" }]) {
      const { tool_calls, text, finish_reason } = await sandbox().chat({}, more);
      expect([tool_calls, text.length > 0, finish_reason]).toEqual([[], true, "stop"]);
    }
  });

  it("calls the first when it has to, with arguments that fit its schema, in pieces", async () => {
    const pieces: { arguments: string }[] = [];
    const onToolCall = (piece: { arguments: string }) => pieces.push(piece);
    const options = { tps: 4_000 };
    const answer = await sandbox().chat(options, { tools, tool_choice: "required", onToolCall });
    expect(answer).toMatchObject({
      text: "",
      finish_reason: "tool_calls",
      tool_calls: [{ name: "get_weather" }],
    });
    const [call] = answer.tool_calls;
    expect(checkAnswer(call?.arguments ?? "", parameters)).toMatchObject({ ok: true });
    expect(pieces.map((piece) => piece.arguments).join("")).toBe(call?.arguments);
    expect(pieces[0]?.arguments).toBe("");
    expect(answer.usage.output_tokens).toBe(Math.ceil((call?.arguments.length ?? 0) / 4));
  });

  it("calls the one that is named; without a schema, with an object", async () => {
    const tool_choice = { type: "function", function: { name: "get_time" } };
    const { tool_calls } = await sandbox().chat({ calls: 3 }, { tools, tool_choice });
    expect(tool_calls).toMatchObject([{ name: "get_time", arguments: "{}" }]);
  });

  it("calls as many as `calls` says, each under an id of its own, one if they may not be parallel", async () => {
    const { tool_calls } = await sandbox().chat({ calls: 3 }, { tools });
    expect(named(tool_calls)).toEqual(["get_weather", "get_time", "get_weather"]);
    expect(new Set(tool_calls.map(({ id }) => id)).size).toBe(3);
    const serial = await sandbox().chat({ calls: 3 }, { tools, parallel_tool_calls: false });
    expect(named(serial.tool_calls)).toEqual(["get_weather"]);
    const barred = await sandbox().chat({ calls: 3 }, { tools, tool_choice: "none" });
    expect(barred.tool_calls).toEqual([]);
  });

  it("speaks once it has the answers of its tools", async () => {
    const asked = await sandbox().chat({ calls: 1 }, { tools, messages: user("Weather?") });
    const [call] = asked.tool_calls;
    const called = {
      id: call?.id,
      type: "function",
      function: { name: call?.name, arguments: call?.arguments },
    };
    const messages = [
      ...user("Weather?"),
      { role: "assistant", content: null, tool_calls: [called] },
      { role: "tool", tool_call_id: call?.id, content: "Sunny." },
    ];
    const spoken = await sandbox().chat({ calls: 1 }, { tools, messages });
    expect([spoken.tool_calls, spoken.text.length > 0]).toEqual([[], true]);
    // The calls and the tools are read too.
    expect(spoken.usage.input_tokens).toBeGreaterThan(asked.usage.input_tokens);
    expect(asked.usage.input_tokens).toBeGreaterThan(JSON.stringify(tools).length / 4);
  });

  it("says `reply` before it calls, and may be cut within a call", async () => {
    const { text, tool_calls } = await sandbox().chat({ calls: 1, reply: "A moment." }, { tools });
    expect([text, named(tool_calls)]).toEqual(["A moment.", ["get_weather"]]);
    const short = await sandbox().chat({ calls: 1 }, { tools, max_output_tokens: 3 });
    expect(short).toMatchObject({ finish_reason: "length", tool_calls: [{ arguments: expect.any(String) }] });
    expect(short.tool_calls[0]?.arguments).toHaveLength(12);
    await expect(sandbox().chat({ calls: 1, cut: 2 }, { tools })).rejects.toMatchObject({
      code: "stream_cut",
    });
  });
});

describe("the option reasoning", () => {
  it("makes it think before it speaks, about the prompt or in the words given", async () => {
    const heard: string[] = [];
    const listeners = {
      onReasoning: () => heard.push("reasoning"),
      onText: () => heard.push("text"),
    };
    const own = await sandbox().chat({ reasoning: true }, listeners);
    expect(own.reasoning).toContain("Lisbon");
    expect(new Set(heard)).toEqual(new Set(["reasoning", "text"]));
    expect(heard.lastIndexOf("reasoning")).toBeLessThan(heard.indexOf("text"));
    const given = await sandbox().chat({}, { model: "sandbox/chat!reasoning=Tea. Or coffee?,reply=Tea" });
    expect(given).toMatchObject({ reasoning: "Tea. Or coffee?", text: "Tea" });
    expect(given.usage).toMatchObject({ output_tokens: 5, reasoning_tokens: 4 });
  });

  it("does nothing where the effort is none, and no effort makes it think by itself", async () => {
    const none = await sandbox().chat({ reasoning: true }, { reasoning_effort: "none" });
    const high = await sandbox().chat({}, { reasoning_effort: "high" });
    expect([none.reasoning, high.reasoning]).toEqual(["", ""]);
  });
});

it("a plain document has reasoning and calls in the message", async () => {
  const body = { model: "chat!calls=1,reasoning=Hm.", messages: user("hi"), tools };
  const init = { method: "POST", body: JSON.stringify(body) };
  const response = await sandboxFetch("https://sandbox.invalid/v1/chat/completions", init);
  const call = { type: "function", id: expect.stringMatching(/^call_/), function: { name: "get_weather" } };
  expect(await response.json()).toMatchObject({
    choices: [
      {
        finish_reason: "tool_calls",
        message: { content: null, reasoning_content: "Hm.", tool_calls: [call] },
      },
    ],
  });
});

// Task generate, against the sandbox.

import { describe, expect, it } from "vitest";
import { AppError } from "../../src/core/errors";
import { generate } from "../../src/tasks/generate";
import { tasks } from "../../src/tasks/index";
import { inputProblems, runTask } from "./task-harness";

const task = tasks[0] ?? generate;
const run = (input: Record<string, unknown>, model = "sandbox/chat") => runTask(generate, model, input);
const withSandbox = (options: Record<string, unknown>) => ({ provider_options: { sandbox: options } });

const schema = {
  type: "object",
  properties: { city: { type: "string" }, people: { type: "integer", minimum: 1 } },
  required: ["city", "people"],
};
const response_format = { type: "json_schema", json_schema: { name: "city", schema } };

describe("generate", () => {
  it("answers a prompt, and streams what it answers", async () => {
    const { output, streamed, usages } = await run({ prompt: "hi", ...withSandbox({ reply: "Hello." }) });
    expect(output).toEqual({ text: "Hello.", finish_reason: "stop", model: "sandbox/chat" });
    expect(streamed).toBe("Hello.");
    expect(usages).toHaveLength(1);
  });

  it("uses the model that was chosen for the job, not the name in the input", async () => {
    const { output } = await run({ prompt: "hi", model: "some-alias" }, "sandbox/chat!reply=chosen");
    expect(output).toMatchObject({ text: "chosen", model: "sandbox/chat!reply=chosen" });
  });

  it("puts instructions before prompt or messages", async () => {
    const plain = await run({ prompt: "12345678" });
    const prompted = await run({ prompt: "12345678", instructions: "1234567" });
    const messages = [{ role: "user", content: [{ type: "text", text: "12345678" }] }];
    const listed = await run({ messages, instructions: "1234567" });
    expect(plain.usages).toMatchObject([{ input_tokens: 2 }]);
    expect(prompted.usages).toMatchObject([{ input_tokens: 4 }]);
    expect(listed.usages).toMatchObject([{ input_tokens: 4 }]);
  });

  it("that is cut at max_output_tokens without a schema completes, and says so", async () => {
    const { output } = await run({ prompt: "hi", max_output_tokens: 5 });
    expect(output).toMatchObject({ finish_reason: "length" });
  });

  it("that is cancelled keeps text and reasoning so far, and no call that was cut off", () => {
    const rest = { finish_reason: "cancelled", model: "sandbox/chat" };
    const said = { text: "Once upon", reasoning: "", toolCalls: [{ id: "a", name: "b", arguments: "{" }] };
    expect(generate.partial?.(said, "sandbox/chat")).toEqual({ text: "Once upon", ...rest });
    const thought = { text: "", reasoning: "Let me see", toolCalls: [] };
    expect(generate.partial?.(thought, "sandbox/chat")).toEqual({
      text: "",
      reasoning: "Let me see",
      ...rest,
    });
  });
});

describe("generate with a schema", () => {
  it("gives the parsed answer", async () => {
    const { output, usages } = await run({ prompt: "A city", response_format });
    expect(output).toMatchObject({ json: { city: "Sample city", people: 1 } });
    expect(usages).toHaveLength(1);
  });

  it("mends a wrong answer in one repair round, which is counted but not streamed", async () => {
    const { output, streamed, usages } = await run({
      prompt: "A city",
      response_format,
      ...withSandbox({ malformed: "once" }),
    });
    expect(output).toMatchObject({ json: { city: "Sample city", people: 1 } });
    expect(streamed).toContain("cut off on purp");
    expect(streamed).not.toContain("Sample city");
    expect(usages).toHaveLength(2);
    // The second prompt holds the first answer and what was wrong with it.
    expect(usages[1]?.input_tokens).toBeGreaterThan((usages[0]?.input_tokens ?? 0) + 20);
  });

  it("leaves the answer and its problems to another turn when the repair has to wait, and mends it there alone", async () => {
    const input = { prompt: "A city", response_format };
    const wrong = { ...input, ...withSandbox({ reply: '{"city": 5}' }) };
    const wait = new AppError("gate_wait", { retryAfterMs: 12_000 });
    const first = await runTask(generate, "sandbox/chat", wrong, { beforeCall: () => Promise.reject(wait) });
    expect(first.usages).toHaveLength(1);
    expect(first.again).toEqual({
      state: { answer: '{"city": 5}', problems: expect.arrayContaining([expect.stringContaining("people")]) },
      delayMs: 12_000,
    });
    // The first call of a turn is admitted with it, so that it does not have to wait again.
    const refused = () => Promise.reject(new Error("asked the gate"));
    const turn = { state: first.again?.state, beforeCall: refused };
    const second = await runTask(generate, "sandbox/chat", input, turn);
    expect(second.output).toMatchObject({ json: { city: "Sample city", people: 1 } });
    expect(second.streamed).toBe("");
    expect(second.usages).toHaveLength(1);
  });

  it("asks for the repair's turn with its size", async () => {
    const sizes: unknown[] = [];
    const always = {
      prompt: "A city",
      max_output_tokens: 90,
      response_format,
      ...withSandbox({ reply: "[]" }),
    };
    const beforeCall = async (size: unknown) => void sizes.push(size);
    await expect(runTask(generate, "sandbox/chat", always, { beforeCall })).rejects.toThrow();
    expect(sizes).toEqual([{ inputChars: expect.any(Number), maxOutputTokens: 90 }]);
  });

  it("is output_invalid when the repair is wrong too, after exactly two calls", async () => {
    const always = { prompt: "A city", response_format, ...withSandbox({ malformed: true }) };
    await expect(run(always)).rejects.toMatchObject({ code: "output_invalid", retryable: true });
  });

  it("is output_invalid when the answer is JSON of another shape", async () => {
    const wrong = { prompt: "A city", response_format, ...withSandbox({ reply: '{"city": 5}' }) };
    await expect(run(wrong)).rejects.toMatchObject({ code: "output_invalid" });
  });

  it("is output_truncated when the answer was cut, without a repair", async () => {
    const cut = { prompt: "A city", response_format, max_output_tokens: 3 };
    await expect(run(cut)).rejects.toMatchObject({ code: "output_truncated", retryable: false });
  });

  it("takes any JSON for json_object", async () => {
    const input = { prompt: "A city", response_format: { type: "json_object" } };
    const { output } = await run({ ...input, ...withSandbox({ reply: "[1]" }) });
    expect(output).toMatchObject({ text: "[1]", json: [1] });
    const broken = run({ ...input, ...withSandbox({ malformed: true }) });
    await expect(broken).rejects.toMatchObject({ code: "output_invalid" });
  });

  it("gives no json for plain text", async () => {
    const { output } = await run({
      prompt: "A city",
      response_format: { type: "text" },
      ...withSandbox({ reply: "[1]" }),
    });
    expect(output).not.toHaveProperty("json");
  });
});

describe("the input of generate", () => {
  it("may use every field", () => {
    const input = {
      messages: [
        { role: "system", content: "Be brief." },
        {
          role: "user",
          content: [
            { type: "text", text: "What is this?" },
            { type: "image_url", image_url: { url: "https://a.test/cat.png", detail: "low" } },
            { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
          ],
        },
      ],
      instructions: "x",
      model: "fast",
      max_output_tokens: 100,
      temperature: 0,
      top_p: 1,
      stop: ["a", "b"],
      seed: -1,
      reasoning_effort: "minimal",
      response_format,
      metadata: { team: "a" },
      provider_options: { store: true },
    };
    expect(inputProblems(task, input)).toEqual([]);
  });

  it.each<[string, unknown, RegExp]>([
    ["neither prompt nor messages", {}, /^prompt: expected either/],
    ["both", { prompt: "a", messages: [{ role: "user", content: "a" }] }, /^prompt: expected either/],
    ["an empty prompt", { prompt: "" }, /^prompt: /],
    ["an unknown field", { prompt: "a", max_tokens: 5 }, /max_tokens/],
    [
      "an unknown role",
      { messages: [{ role: "boss", content: "a" }] },
      /^messages\.0\.role: expected "system", "developer", "user", "assistant" or "tool"/,
    ],
    ["no messages", { messages: [] }, /^messages: /],
    ["too many messages", { messages: Array(1001).fill({ role: "user", content: "a" }) }, /^messages: /],
    ["a file as image", { messages: [image("file:///etc/passwd")] }, /^messages\.0\.content/],
    ["a hot temperature", { prompt: "a", temperature: 2.1 }, /^temperature: /],
    ["no output tokens", { prompt: "a", max_output_tokens: 0 }, /^max_output_tokens: /],
    ["five stops", { prompt: "a", stop: ["1", "2", "3", "4", "5"] }, /^stop/],
    ["an effort nobody knows", { prompt: "a", reasoning_effort: "heroic" }, /^reasoning_effort: /],
    ["a long metadata value", { prompt: "a", metadata: { a: "x".repeat(513) } }, /^metadata\.a: /],
    ["seventeen metadata keys", { prompt: "a", metadata: keys(17) }, /^metadata: .*16/],
    [
      "a model among the options",
      { prompt: "a", provider_options: { model: "b" } },
      /^provider_options\.model: /,
    ],
    [
      "a stream among the options",
      { prompt: "a", provider_options: { stream: false } },
      /^provider_options\.stream: /,
    ],
    [
      "a schema that is none",
      { prompt: "a", response_format: format({ properties: { a: { type: "int" } } }) },
      /^response_format\.json_schema\.schema\.properties\.a\.type: expected one of/,
    ],
    [
      "a schema's odd name",
      { prompt: "a", response_format: format({}, "a b") },
      /^response_format\.json_schema\.name: /,
    ],
  ])("is refused with %s", (_, input, problem) => {
    const problems = inputProblems(task, input);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });
});

function image(url: string) {
  return { role: "user", content: [{ type: "image_url", image_url: { url } }] };
}

function keys(count: number) {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, "v"]));
}

function format(schema: unknown, name = "a") {
  return { type: "json_schema", json_schema: { name, schema } };
}

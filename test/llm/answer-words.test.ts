// Reasoning and tool calls of an answer, in the shapes in which compatible servers stream them.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ToolCall } from "../../src/core/tool-call";
import { type Chunk, eventStream, hello, usageChunk, withProvider } from "./fake-provider";

type Delta = Record<string, unknown>;

const chunk = (delta: Delta, finish_reason: string | null = null): Chunk => ({
  choices: [{ index: 0, delta, finish_reason }],
});

const calls = (...tool_calls: unknown[]): Delta => ({ tool_calls });

/** What is told of an answer made of these deltas, and what the result says. */
async function answerOf(deltas: Delta[], finishReason = "stop") {
  const { llm, usages } = withProvider(() =>
    eventStream([...deltas.map((delta) => chunk(delta)), chunk({}, finishReason), "[DONE]"]),
  );
  const told = { text: "", reasoning: "", pieces: [] as ToolCall[] };
  const result = await llm.chat({
    ...hello,
    onText: (text) => {
      told.text += text;
    },
    onReasoning: (text) => {
      told.reasoning += text;
    },
    onToolCall: (piece) => void told.pieces.push(piece),
  });
  return { result, told, usages };
}

describe("reasoning", () => {
  it.each<[string, Delta[]]>([
    [
      "DeepSeek",
      [
        { content: null, reasoning_content: "Green " },
        { content: null, reasoning_content: "tea." },
      ],
    ],
    ["older vLLM", [{ content: "", reasoning_content: "Green " }, { reasoning_content: "tea." }]],
    ["Groq", [{ reasoning: "Green " }, { reasoning: "tea." }]],
    [
      "OpenRouter",
      [
        { content: "", reasoning: "Green ", reasoning_details: [{ type: "reasoning.text", text: "Green " }] },
        { content: "", reasoning: "tea.", reasoning_details: [{ type: "reasoning.text", text: "tea." }] },
      ],
    ],
    [
      "a server that knows both names",
      [
        { reasoning: "Green ", reasoning_content: "Green " },
        { reasoning: "tea.", reasoning_content: "tea." },
      ],
    ],
    ["a server that leaves one of them empty", [{ reasoning: "Green tea.", reasoning_content: "" }]],
    [
      "Mistral",
      [
        { content: [{ type: "thinking", thinking: [{ type: "text", text: "Green " }] }] },
        { content: [{ type: "thinking", thinking: [{ type: "text", text: "tea." }] }] },
      ],
    ],
    [
      "Bedrock behind a gateway",
      [{ reasoning_content: { text: "Green " } }, { reasoning_content: { text: "tea." } }],
    ],
  ])("as %s sends it is told as it comes, once, and apart from the text", async (_, thought) => {
    const { result, told } = await answerOf([...thought, { content: "Sencha", reasoning_content: null }]);
    expect(result).toMatchObject({ text: "Sencha", reasoning: "Green tea.", tool_calls: [] });
    expect(told).toEqual({ text: "Sencha", reasoning: "Green tea.", pieces: [] });
  });

  it("leaves text that comes in parts the text that it is", async () => {
    const { result } = await answerOf([{ content: [{ type: "text", text: "Sen" }] }, { content: "cha" }]);
    expect(result).toMatchObject({ text: "Sencha", reasoning: "" });
  });

  it("and the arguments of calls are part of the estimate where a provider counts nothing", async () => {
    const call = { index: 0, id: "c", function: { name: "brew", arguments: '{"tea":"sencha"}' } };
    const { usages } = await answerOf([{ reasoning: "12345678" }, { content: "1234" }, calls(call)]);
    expect(usages).toMatchObject([{ output_tokens: 2 + 1 + 5, reasoning_tokens: 2, estimated: true }]);
  });
});

/** Two calls, as they have to come out. */
const BREW = { name: "brew", arguments: '{"tea":"sencha","minutes":2}' };
const POUR = { name: "pour", arguments: '{"cups":3}' };

const whole = ({ name, arguments: text }: typeof BREW, over: object) => ({
  ...{ type: "function", function: { name, arguments: text }, ...over },
});

describe("tool calls", () => {
  it.each<[string, Delta[], (string | RegExp)[]]>([
    [
      "OpenAI",
      [
        calls({ index: 0, id: "a", type: "function", function: { name: "brew", arguments: "" } }),
        calls({ index: 0, function: { arguments: '{"tea":"sencha",' } }),
        calls({ index: 0, function: { arguments: '"minutes":2}' } }),
        calls({ index: 1, id: "b", type: "function", function: { name: "pour", arguments: "" } }),
        calls({ index: 1, function: { arguments: '{"cups":3}' } }),
      ],
      ["a", "b"],
    ],
    [
      "Groq: whole, together",
      [calls(whole(BREW, { index: 0, id: "a" }), whole(POUR, { index: 1, id: "b" }))],
      ["a", "b"],
    ],
    [
      "Gemini: whole, without index",
      [calls(whole(BREW, { id: "a" })), calls(whole(POUR, { id: "b" }))],
      ["a", "b"],
    ],
    [
      "older Ollama: whole, all with the same index",
      [calls(whole(BREW, { index: 0, id: "a" })), calls(whole(POUR, { index: 0, id: "b" }))],
      ["a", "b"],
    ],
    [
      "a server without ids",
      [calls(whole(BREW, { index: 0 })), calls(whole(POUR, { index: 1 }))],
      [/^call_/, /^call_/],
    ],
    [
      "a server without ids and index",
      [calls(whole(BREW, {})), calls(whole(POUR, { id: "" }))],
      [/^call_/, /^call_/],
    ],
    [
      "a server that takes the name for the id",
      [calls(whole(BREW, { index: 0, id: "a" }), whole(POUR, { index: 1, id: "a" }))],
      ["a", /^call_/],
    ],
    [
      "DashScope: an empty id on what follows",
      [
        calls({ index: 0, id: "a", function: { name: "brew", arguments: "" } }),
        calls({ index: 0, id: "", function: { name: "", arguments: BREW.arguments } }),
        calls({ index: 1, id: "b", function: { name: "pour", arguments: POUR.arguments } }),
      ],
      ["a", "b"],
    ],
    [
      "older vLLM: another id on each piece",
      [
        calls({ index: 0, id: "a", function: { name: "brew" } }),
        calls({ index: 0, id: "x1", function: { arguments: '{"tea":"sencha",' } }),
        calls({ index: 0, id: "x2", function: { arguments: '"minutes":2}' } }),
        calls({ index: 1, id: "b", function: { name: "pour" } }),
        calls({ index: 1, id: "x3", function: { arguments: POUR.arguments } }),
      ],
      ["a", "b"],
    ],
    [
      "a server that repeats id and name",
      [
        calls({ index: 0, id: "a", function: { name: "brew", arguments: '{"tea":"sencha",' } }),
        calls({ index: 0, id: "a", function: { name: "brew", arguments: '"minutes":2}' } }),
        calls(whole(POUR, { index: 1, id: "b" })),
      ],
      ["a", "b"],
    ],
    [
      "a server that sends an index with the first piece only",
      [
        calls({ index: 0, id: "a", function: { name: "brew" } }),
        calls({ function: { arguments: BREW.arguments } }),
        calls({ index: 1, id: "b", function: { name: "pour" } }),
        calls({ function: { arguments: POUR.arguments } }),
      ],
      ["a", "b"],
    ],
    [
      "a server that sends an index with what follows only",
      [
        calls({ id: "a", function: { name: "brew" } }),
        calls({ index: 0, function: { arguments: BREW.arguments } }),
        calls({ id: "b", function: { name: "pour" } }),
        calls({ index: 1, function: { arguments: POUR.arguments } }),
      ],
      ["a", "b"],
    ],
    [
      "a server that names a call after its arguments have begun",
      [
        calls({ index: 0, id: "a", function: { arguments: '{"tea":"sencha",' } }),
        calls({ index: 0, function: { name: "brew", arguments: '"minutes":2}' } }),
        calls(whole(POUR, { index: 1, id: "b" })),
      ],
      ["a", "b"],
    ],
    [
      "a server that sends arguments as objects",
      [
        calls({ index: 0, id: "a", function: { name: "brew", arguments: JSON.parse(BREW.arguments) } }),
        calls({ index: 1, id: "b", function: { name: "pour", arguments: JSON.parse(POUR.arguments) } }),
      ],
      ["a", "b"],
    ],
  ])("as %s sends them are put together, and told piece by piece", async (_, deltas, ids) => {
    const { result, told } = await answerOf(deltas, "tool_calls");
    const expected = [BREW, POUR].map((call, i) => {
      const id = ids[i];
      return { id: id instanceof RegExp ? expect.stringMatching(id) : id, ...call };
    });
    expect(result).toMatchObject({ text: "", finish_reason: "tool_calls", tool_calls: expected });
    expect(new Set(result.tool_calls.map(({ id }) => id)).size).toBe(2);
    expect(gathered(told.pieces)).toEqual(result.tool_calls);
  });

  it("come out the same wherever their arguments are cut, and however their pieces are mixed", async () => {
    const cuts = fc.array(fc.nat({ max: 30 }), { maxLength: 6 });
    const order = fc.array(fc.boolean(), { minLength: 20, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(cuts, cuts, order, async (first, second, turns) => {
        const queues = [piecesOf(0, BREW, first), piecesOf(1, POUR, second)];
        const deltas = turns.flatMap((turn) => queues[turn ? 1 : 0]?.splice(0, 1) ?? []);
        const { result, told } = await answerOf([...deltas, ...queues.flat()], "tool_calls");
        const byName = result.tool_calls.toSorted((a, b) => a.id.localeCompare(b.id));
        expect(byName).toEqual([
          { id: "id_0", ...BREW },
          { id: "id_1", ...POUR },
        ]);
        expect(gathered(told.pieces)).toEqual(result.tool_calls);
      }),
      { numRuns: 60 },
    );
  });

  it("without arguments are told by their name", async () => {
    const { result, told } = await answerOf([calls({ index: 0, id: "a", function: { name: "stop" } })]);
    expect(told.pieces).toEqual([{ id: "a", name: "stop", arguments: "" }]);
    expect(result.tool_calls).toEqual(told.pieces);
  });

  it("that nobody could make, because they have no name, are left out", async () => {
    const { result, told } = await answerOf([calls({ index: 0, id: "a", function: { arguments: "{}" } })]);
    expect([told.pieces, result.tool_calls]).toEqual([[], []]);
  });

  it("are there beside a text, and with the provider's own count", async () => {
    const events = [
      chunk({ content: "One moment." }),
      chunk(calls(whole(BREW, { index: 0, id: "a" })), "tool_calls"),
    ];
    const { llm } = withProvider(() =>
      eventStream([...events, usageChunk({ prompt_tokens: 5, completion_tokens: 7 })]),
    );
    const result = await llm.chat(hello);
    expect(result).toMatchObject({
      text: "One moment.",
      tool_calls: [{ name: "brew" }],
      usage: { output_tokens: 7 },
    });
  });
});

/** The pieces of one call as OpenAI sends them, cut at these places. */
function piecesOf(index: number, { name, arguments: json }: typeof BREW, cuts: number[]): Delta[] {
  const edges = [0, ...cuts.map((at) => Math.min(at, json.length)).sort((a, b) => a - b), json.length];
  const rest = edges
    .slice(1)
    .map((end, i) => ({ index, function: { arguments: json.slice(edges[i], end) } }));
  const first = { index, id: `id_${index}`, type: "function", function: { name, arguments: "" } };
  return [first, ...rest].map((piece) => calls(piece));
}

/** What whoever listens has put together. */
function gathered(pieces: ToolCall[]): ToolCall[] {
  const byId = new Map<string, ToolCall>();
  for (const { id, name, arguments: piece } of pieces)
    byId.set(id, { id, name, arguments: (byId.get(id)?.arguments ?? "") + piece });
  return [...byId.values()];
}

// The transport for the AI SDK, without the SDK: what it asks for, and the chunks of which the SDK makes a message.

import type { UIMessage, UIMessageChunk } from "ai";
import { expect, it } from "vitest";
import { ErrandChatTransport, type ErrandChatTransportOptions } from "../../client/src/ai/index";
import type { StreamMessage } from "../../client/src/index";
import { GenerateServer } from "../support/generate-server";
import { END, rollback, text } from "../support/stream-frames";

const said = (role: UIMessage["role"], ...parts: UIMessage["parts"]): UIMessage => ({
  id: role,
  role,
  parts,
});
const words = (text: string) => ({ type: "text" as const, text });
const TEA = [said("user", words("Tea?"))];

type Over = Omit<ErrandChatTransportOptions, "errand">;

/** The first request of a chat whose job tells this story, and the chunks. */
async function send(story: StreamMessage[], messages = TEA, over: Over = {}, output?: string) {
  const answer = output === undefined ? undefined : Response.json({ text: output });
  const server = new GenerateServer([story], (nth) => (nth === 2 ? answer : undefined));
  const transport = new ErrandChatTransport({ errand: server.errand, ...over });
  const request = { trigger: "submit-message" as const, chatId: "tea", messageId: undefined };
  const sending = { ...request, messages, abortSignal: undefined, body: { model: "openai/gpt-9" } };
  const chunks: UIMessageChunk[] = [];
  for await (const chunk of await transport.sendMessages(sending)) chunks.push(chunk);
  return { chunks, body: server.asked[0]?.body, paths: server.paths };
}

const inner = (chunks: UIMessageChunk[]) => chunks.slice(2, -2);

it("sends the texts of a chat, and its images", async () => {
  const image = { type: "file" as const, mediaType: "image/png", url: "data:image/png;base64,aa" };
  const messages = [
    said("system", words("Be brief.")),
    said("user", words("What "), words("is this?"), image),
    said("assistant", { type: "step-start" }, { type: "reasoning", text: "Hm." }, words("Te"), words("a.")),
    said("assistant", { type: "step-start" }),
    said("user", words("Sure?"), { type: "data-note", data: 1 }),
  ];
  const { body } = await send([END], messages, {}, "");
  expect(body).toMatchObject({
    input: {
      messages: [
        { role: "system", content: "Be brief." },
        {
          role: "user",
          content: [
            { type: "text", text: "What " },
            { type: "text", text: "is this?" },
            { type: "image_url", image_url: { url: "data:image/png;base64,aa" } },
          ],
        },
        { role: "assistant", content: "Tea." },
        { role: "user", content: "Sure?" },
      ],
    },
  });
});

it("sends the calls of tools that were answered, each step with its answers", async () => {
  const call = (id: string, rest: object) =>
    ({
      type: "tool-look",
      toolCallId: id,
      input: { at: id },
      ...rest,
    }) as unknown as UIMessage["parts"][number];
  const messages = [
    ...TEA,
    said(
      "assistant",
      { type: "step-start" },
      words("Let me look."),
      call("a", { state: "output-available", output: { leaves: 3 } }),
      call("b", { state: "output-error", errorText: "The tin is shut." }),
      call("c", { state: "input-available" }),
      { type: "step-start" },
      words("Three leaves."),
    ),
  ];
  const { body } = await send([END], messages, {}, "");
  const made = (id: string) => ({
    id,
    type: "function",
    function: { name: "look", arguments: `{"at":"${id}"}` },
  });
  expect((body as { input: { messages: unknown[] } }).input.messages.slice(1)).toEqual([
    { role: "assistant", content: "Let me look.", tool_calls: [made("a"), made("b")] },
    { role: "tool", tool_call_id: "a", content: '{"leaves":3}' },
    { role: "tool", tool_call_id: "b", content: "Error: The tin is shut." },
    { role: "assistant", content: "Three leaves." },
  ]);
});

it("takes no files but images, and no chat whose id is too long for a tag", async () => {
  const pdf = { type: "file" as const, mediaType: "application/pdf", url: "data:application/pdf;base64,aa" };
  await expect(send([END], [said("user", words("Read."), pdf)])).rejects.toThrow("messages[0].parts[1]");
  const { errand } = new GenerateServer([[END]]);
  const transport = new ErrandChatTransport({ errand });
  const reconnect = transport.reconnectToStream({ chatId: "x".repeat(60) });
  await expect(reconnect).rejects.toThrow("at most 59");
});

it("sends what the app makes of the messages and of the request, with the options of every job", async () => {
  const { body } = await send([text("a"), END], TEA, {
    input: (messages, { body }) => ({
      prompt: `${messages.length}`,
      model: (body as { model: string }).model,
    }),
    options: { channel: "user-42", tags: ["chats"], priority: 5 },
  });
  expect(body).toEqual({
    input: { prompt: "1", model: "openai/gpt-9" },
    channel: "user-42",
    tags: ["chats", "chat:tea"],
    priority: 5,
  });
});

it("tells the answer as one step of a message that has the job's id", async () => {
  const { chunks } = await send([text("Green "), text("tea."), END]);
  expect(chunks).toEqual([
    { type: "start", messageId: "job_1", messageMetadata: { jobId: "job_1" } },
    { type: "start-step" },
    { type: "text-start", id: "text-1" },
    { type: "text-delta", id: "text-1", delta: "Green " },
    { type: "text-delta", id: "text-1", delta: "tea." },
    { type: "text-end", id: "text-1" },
    { type: "finish-step" },
    { type: "finish" },
  ]);
});

it("leaves the id of a message with which the answer goes on as it is", async () => {
  const { chunks } = await send([text("a"), END], [...TEA, said("assistant", words("Wait."))]);
  expect(chunks[0]).toEqual({ type: "start", messageMetadata: { jobId: "job_1" } });
});

it("takes the step back when a run starts over, with all that was said in it", async () => {
  const call = { type: "tool_call" as const, id: "c", name: "brew", arguments: "{" };
  const { chunks } = await send([text("Green cof"), call, rollback("Green "), text("tea."), END]);
  const at = chunks.findIndex(({ type }) => type === "reset-step");
  expect(chunks.slice(at)).toEqual([
    { type: "reset-step" },
    { type: "text-start", id: "text-2" },
    { type: "text-delta", id: "text-2", delta: "Green " },
    { type: "text-delta", id: "text-2", delta: "tea." },
    { type: "text-end", id: "text-2" },
    { type: "finish-step" },
    { type: "finish" },
  ]);
});

it("puts pieces of tool calls together that come in turns, and says which of them is no JSON", async () => {
  const piece = (id: string, json: string): StreamMessage => ({
    ...{ type: "tool_call", id, name: `tool_${id}`, arguments: json },
  });
  const { chunks } = await send([
    piece("a", '{"x":'),
    piece("b", "{"),
    piece("a", "1}"),
    piece("c", ""),
    END,
  ]);
  const ends = inner(chunks).filter(({ type }) => /available|error/.test(type));
  expect(ends).toEqual([
    { type: "tool-input-available", toolCallId: "a", toolName: "tool_a", input: { x: 1 } },
    {
      ...{ type: "tool-input-error", toolCallId: "b", toolName: "tool_b", input: "{" },
      errorText: "The arguments of tool_b are not JSON.",
    },
    { type: "tool-input-available", toolCallId: "c", toolName: "tool_c", input: {} },
  ]);
});

it.each([
  ["has lost its last words", [text("Gre"), { ...END, cut: true as const }]],
  ["has no words, as where they are sealed", [END]],
])("has the job's output when the stream %s", async (_, story) => {
  const { chunks, paths } = await send(story as StreamMessage[], TEA, {}, "Green tea.");
  const at = chunks.findIndex(({ type }) => type === "reset-step");
  expect(chunks[at + 2]).toMatchObject({ type: "text-delta", delta: "Green tea." });
  expect(paths[1]).toBe("GET /v1/jobs/job_1/output");
});

it("takes an end for none that a new run has followed", async () => {
  const failed: StreamMessage = { type: "end", state: "failed", error: null };
  const { chunks } = await send([text("a"), failed, rollback(""), text("b"), END]);
  expect(chunks.map(({ type }) => type)).not.toContain("error");
  expect(chunks.at(-1)).toEqual({ type: "finish" });
  const last = await send([text("a"), failed]);
  expect(last.chunks.at(-1)).toMatchObject({ type: "error", errorText: expect.stringContaining("failed") });
});

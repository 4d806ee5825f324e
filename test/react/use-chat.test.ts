// useChat() of the AI SDK with our transport: what a chat shows is what its jobs have said, and stop() ends them.

import { Chat, type UseChatOptions, useChat } from "@ai-sdk/react";
import type { UIMessage } from "ai";
import { createElement } from "react";
import { expect, it, vi } from "vitest";
import { ErrandChatTransport } from "../../client/src/ai/index";
import { openBrowser, openPage, probe } from "../support/page";
import { SpokenServer } from "../support/spoken-server";
import { batch, END, rollback, text } from "../support/stream-frames";
import { wireJob } from "../support/wire-jobs";

const RUNNING = wireJob({ id: "job_1", state: "running", stream: true, tags: ["chat:tea"] });
const ASKED: UIMessage = { id: "u1", role: "user", parts: [{ type: "text", text: "Tea?" }] };

const wordsOf = ({ parts }: UIMessage) =>
  parts.map((part) => (part.type === "text" ? part.text : "")).join("");

/** A server on which `RUNNING` is the chat's newest job. */
function openServer(newest = [RUNNING]) {
  openBrowser();
  const server = new SpokenServer();
  const list = { object: "list", data: newest, has_more: false, next_cursor: null };
  server.answers["GET /v1/jobs"] = () => Response.json(list);
  server.answers["POST /v1/jobs/job_1/cancel"] = () => Response.json({ ...RUNNING, cancel: "cancelling" });
  return server;
}

const cancelsOf = ({ calls }: SpokenServer) => calls.filter(({ url }) => url.pathname.endsWith("/cancel"));

async function openChat(
  server: SpokenServer,
  over: Partial<UseChatOptions<UIMessage>> = {},
  isStrict = false,
) {
  const transport = new ErrandChatTransport({ errand: server.errand });
  const chat = probe(() => useChat({ id: "tea", transport, ...over }));
  const page = await openPage(server.errand, chat.node, { isStrict });
  const shows = (...words: string[]) =>
    vi.waitFor(() => expect(chat.now.messages.map(wordsOf)).toEqual(words));
  const settles = (status: string) => vi.waitFor(() => expect(chat.now.status).toBe(status));
  return { chat, page, shows, settles };
}

/** A chat that is made outside of components. */
const kept = (server: SpokenServer, messages: UIMessage[] = []) =>
  new Chat({ id: "tea", messages, transport: new ErrandChatTransport({ errand: server.errand }) });

it("shows the answer as it is written, as a message that bears the job's id", async () => {
  const server = openServer();
  const { chat, shows, settles } = await openChat(server);
  void chat.now.sendMessage({ text: "Tea?" });
  const connection = await server.connection();
  expect(connection.body).toEqual({
    input: { messages: [{ role: "user", content: "Tea?" }] },
    tags: ["chat:tea"],
  });
  connection.job(RUNNING);
  connection.send(batch([text("Green ")], "0_1"));
  await shows("Tea?", "Green ");
  expect(chat.now.status).toBe("streaming");
  connection.send(batch([text("tea."), END], "0_2", true));
  await shows("Tea?", "Green tea.");
  await settles("ready");
  expect(chat.now.messages[1]).toMatchObject({ id: "job_1", metadata: { jobId: "job_1" } });
  expect(server.calls).toEqual([]);
});

it("cancels the job on stop(), and hangs up", async () => {
  const server = openServer();
  const { chat, shows, settles } = await openChat(server);
  void chat.now.sendMessage({ text: "Tea?" });
  const connection = await server.connection();
  connection.job(RUNNING);
  connection.send(batch([text("Green ")], "0_1"));
  await shows("Tea?", "Green ");
  await chat.now.stop();
  await vi.waitFor(() => expect(cancelsOf(server)).toHaveLength(1));
  await settles("ready");
  expect(server.open).toEqual([]);
  await shows("Tea?", "Green ");
});

it("cancels a job of which stop() does not know yet as soon as it does", async () => {
  const server = openServer();
  const { chat, settles } = await openChat(server);
  void chat.now.sendMessage({ text: "Tea?" });
  const connection = await server.connection();
  await chat.now.stop();
  await settles("ready");
  expect(cancelsOf(server)).toEqual([]);
  connection.job(RUNNING);
  await vi.waitFor(() => expect(cancelsOf(server)).toHaveLength(1));
  await vi.waitFor(() => expect(server.open).toEqual([]));
});

it("cancels nothing when the page goes, and shows the whole answer on the next one", async () => {
  const server = openServer();
  const { chat, page, shows } = await openChat(server, { chat: kept(server) });
  void chat.now.sendMessage({ text: "Tea?" });
  const first = await server.connection();
  first.job(RUNNING);
  first.send(batch([text("Green ")], "0_1"));
  await shows("Tea?", "Green ");
  await page.close();
  // Another device has the question from the app, and the answer from the job.
  const next = await openChat(server, { chat: kept(server, [ASKED]), resume: true });
  const second = await server.connection(2);
  expect(`${second.url.pathname}${second.url.search}`).toBe("/v1/jobs/job_1/stream?offset=-1&live=sse");
  second.send(batch([text("Green "), text("tea."), END], "0_2", true));
  await next.shows("Tea?", "Green tea.");
  await next.settles("ready");
  const [look] = server.calls;
  expect(look?.url.search).toBe("?tag=chat%3Atea&task=generate&limit=1");
  expect(cancelsOf(server)).toEqual([]);
});

it("does not double an answer of which the app has kept the beginning", async () => {
  const server = openServer();
  const unfinished = { type: "tool-brew", toolCallId: "c", state: "input-streaming", input: {} } as const;
  const parts: UIMessage["parts"] = [{ type: "text", text: "Gre" }, unfinished];
  const begun: UIMessage = { id: "job_1", role: "assistant", parts };
  const { shows } = await openChat(server, { chat: kept(server, [ASKED, begun]), resume: true });
  (await server.connection()).send(batch([text("Green tea."), END], "0_2", true));
  await shows("Tea?", "Green tea.");
});

it("resumes once in StrictMode, where a component comes twice, and stop() ends that job too", async () => {
  const server = openServer();
  const { chat, shows } = await openChat(server, { messages: [ASKED], resume: true }, true);
  (await server.connection()).send(batch([text("Green ")], "0_1"));
  await shows("Tea?", "Green ");
  expect([server.open.length, cancelsOf(server).length]).toEqual([1, 0]);
  await chat.now.stop();
  await vi.waitFor(() => expect(cancelsOf(server)).toHaveLength(1));
});

it("goes on when a component takes another's place", async () => {
  const server = openServer();
  const transport = new ErrandChatTransport({ errand: server.errand });
  const chats = [1, 2].map(() => probe(() => useChat({ id: "tea", transport, resume: true })));
  const [one, two] = chats.map(({ node }, key) => createElement("i", { key }, node));
  const page = await openPage(server.errand, one);
  for (const [i, next] of [two, null].entries()) {
    (await server.connection(i + 1)).send(batch([text("Green ")], "0_1"));
    await vi.waitFor(() => expect(chats[i]?.now.messages.map(wordsOf)).toEqual(["Green "]));
    if (next) await page.show(next);
  }
  expect([server.open.length, cancelsOf(server).length]).toEqual([1, 0]);
});

it("cancels the job when a component goes for which the SDK has made the chat: that is a stop(), too", async () => {
  const server = openServer();
  const { page, shows } = await openChat(server, { resume: true });
  (await server.connection()).send(batch([text("Green ")], "0_1"));
  await shows("Green ");
  await page.close();
  await vi.waitFor(() => expect(cancelsOf(server)).toHaveLength(1));
});

it.each([
  ["there is none", []],
  ["it has ended", [{ ...RUNNING, state: "completed" as const }]],
  ["it was asked to stop", [{ ...RUNNING, cancel_requested_at: "2026-01-01T00:00:00.000Z" }]],
  ["it has no stream", [{ ...RUNNING, stream: false }]],
])("resumes no job when %s", async (_, newest) => {
  const server = openServer(newest);
  const { chat } = await openChat(server, { messages: [ASKED] });
  await chat.now.resumeStream();
  expect([chat.now.status, chat.now.error]).toEqual(["ready", undefined]);
  expect([server.calls.length, server.connections.length]).toEqual([1, 0]);
});

it("takes back what a run has said that starts over", async () => {
  const server = openServer();
  const { chat, shows, settles } = await openChat(server);
  void chat.now.sendMessage({ text: "Tea?" });
  const connection = await server.connection();
  connection.job(RUNNING);
  connection.send(batch([text("Green "), text("cof")], "0_2"));
  await shows("Tea?", "Green cof");
  connection.send(batch([rollback("Green "), text("tea."), END], "1_5", true));
  await shows("Tea?", "Green tea.");
  await settles("ready");
});

it("loses and doubles nothing over a lost connection", async () => {
  const server = openServer();
  const { chat, shows } = await openChat(server);
  void chat.now.sendMessage({ text: "Tea?" });
  const connection = await server.connection();
  connection.job(RUNNING);
  connection.send(batch([text("Green ")], "0_1"));
  await shows("Tea?", "Green ");
  connection.cut();
  const next = await server.connection(2);
  expect(next.url.searchParams.get("offset")).toBe("0_1");
  next.send(batch([text("tea."), END], "0_2", true));
  await shows("Tea?", "Green tea.");
  expect(cancelsOf(server)).toEqual([]);
});

it("shows how the job has failed, below what it had said", async () => {
  const server = openServer();
  const { chat, shows, settles } = await openChat(server);
  void chat.now.sendMessage({ text: "Tea?" });
  const connection = await server.connection();
  connection.job(RUNNING);
  const error = { code: "provider_error", message: "The provider is down.", retryable: true };
  connection.send(batch([text("Green "), { type: "end", state: "failed", error }], "0_1", true));
  await settles("error");
  expect(chat.now.error?.message).toBe("The provider is down.");
  await shows("Tea?", "Green ");
});

it("shows why a job was not taken", async () => {
  const server = openServer();
  const error = { code: "quota_exceeded", type: "rate_limit_error", message: "Nothing is left for today." };
  server.answers["POST /v1/generate"] = () => Response.json({ error }, { status: 403 });
  const { chat, settles } = await openChat(server);
  await chat.now.sendMessage({ text: "Tea?" });
  await settles("error");
  expect(chat.now.error).toMatchObject({ name: "RateLimitError", message: "Nothing is left for today." });
});

it("is ready again when somebody else has cancelled the job", async () => {
  const server = openServer();
  const { chat, shows, settles } = await openChat(server);
  void chat.now.sendMessage({ text: "Tea?" });
  const connection = await server.connection();
  connection.job(RUNNING);
  connection.send(batch([text("Gre"), { type: "end", state: "cancelled", error: null }], "0_1", true));
  await settles("ready");
  await shows("Tea?", "Gre");
});

it("shows what the model thinks, and the tools that it wants called", async () => {
  const server = openServer();
  const { chat, settles } = await openChat(server);
  void chat.now.sendMessage({ text: "Tea?" });
  const connection = await server.connection();
  connection.job(RUNNING);
  const call = { type: "tool_call" as const, id: "call_1", name: "brew" };
  connection.send(
    batch([{ type: "reasoning", text: "Hm." }, text("Wait."), { ...call, arguments: '{"cups"' }], "0_1"),
  );
  connection.send(batch([{ ...call, arguments: ":2}" }, END], "0_2", true));
  await settles("ready");
  expect(chat.now.messages[1]?.parts).toMatchObject([
    { type: "step-start" },
    { type: "reasoning", text: "Hm.", state: "done" },
    { type: "text", text: "Wait.", state: "done" },
    { type: "tool-brew", toolCallId: "call_1", state: "input-available", input: { cups: 2 } },
  ]);
});

it("tells progress to onData, and keeps none of it", async () => {
  const server = openServer();
  const onData = vi.fn();
  const { chat, settles } = await openChat(server, { onData });
  void chat.now.sendMessage({ text: "Tea?" });
  const connection = await server.connection();
  connection.job(RUNNING);
  const progress = { done: 1, total: 2, message: null };
  connection.send(batch([{ type: "progress", ...progress }, text("Green"), END], "0_1", true));
  await settles("ready");
  expect(onData).toHaveBeenCalledExactlyOnceWith(
    expect.objectContaining({ type: "data-errand-progress", data: progress }),
  );
  expect(chat.now.messages[1]?.parts.map(({ type }) => type)).toEqual(["step-start", "text"]);
});

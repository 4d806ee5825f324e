// useJobStream(): what a component shows is what the job has said, whatever comes, goes and is loaded again.

import { createElement } from "react";
import { expect, it, onTestFinished, vi } from "vitest";
import { useJobStream } from "../../client/src/react/index";
import type { LogMessage } from "../../src/core/streams/job-log";
import { openBrowser, openPage, probe } from "../support/page";
import { dontPause, SpokenServer } from "../support/spoken-server";
import { batch, callPiece, END, reasoning, rollback, text } from "../support/stream-frames";

const offsetOf = ({ url }: { url: URL }) => url.searchParams.get("offset");

async function watch(server = new SpokenServer(), isStrict = false) {
  const stream = probe(() => useJobStream("j"));
  const page = await openPage(server.errand, stream.node, { isStrict });
  const shows = (words: string) => vi.waitFor(() => expect(stream.now.text).toBe(words));
  return { server, page, stream, shows };
}

it("shows the text as it comes, how far the job is, and its end", async () => {
  openBrowser();
  const { server, stream, shows } = await watch();
  const nothing = { text: "", reasoning: "", toolCalls: [], progress: null, state: null };
  expect(stream.now).toEqual({ ...nothing, isStreaming: true, error: null });
  const connection = await server.connection();
  connection.send(batch([text("one ")], "0_1"));
  await shows("one ");
  connection.send(batch([{ type: "progress", done: 1, total: 2, message: null }, text("two")], "0_2"));
  await shows("one two");
  expect(stream.now).toMatchObject({ state: "running", isStreaming: true, progress: { done: 1, total: 2 } });
  connection.send(batch([END], "0_3", true));
  await vi.waitFor(() => expect(stream.now).toMatchObject({ state: "completed", isStreaming: false }));
  expect(server.open).toEqual([]);
});

it("shows after a rollback what the rollback says, and nothing of before", async () => {
  openBrowser();
  const { server, shows, stream } = await watch();
  const connection = await server.connection();
  connection.send(batch([text("one "), text("tw")], "0_2"));
  await shows("one tw");
  const error = { code: "stream_cut", message: "cut", retryable: true };
  connection.send(batch([{ type: "state", state: "pending", run: 1, attempt: 1, error }], "0_3"));
  await vi.waitFor(() => expect(stream.now).toMatchObject({ state: "pending", error: null }));
  connection.send(batch([rollback("one "), text("two")], "1_5"));
  await shows("one two");
  expect(stream.seen.map((view) => view.text)).not.toContain("one twone two");
});

it("shows reasoning and tool calls as they come, and after a rollback what it says of them", async () => {
  openBrowser();
  const { server, stream } = await watch();
  const calls = (...toolCalls: [id: string, json: string][]) =>
    toolCalls.map(([id, json]) => ({ id, name: "brew", arguments: json }));
  const connection = await server.connection();
  connection.send(batch([reasoning("Tea "), callPiece(""), reasoning("or?"), callPiece('{"cups"')], "0_4"));
  const begun = { text: "", reasoning: "Tea or?", toolCalls: calls(["call_1", '{"cups"']), state: "running" };
  await vi.waitFor(() => expect(stream.now).toMatchObject(begun));
  connection.send(batch([callPiece("{}", "call_2"), callPiece(":3}")], "0_6"));
  const both = { toolCalls: calls(["call_1", '{"cups":3}'], ["call_2", "{}"]) };
  await vi.waitFor(() => expect(stream.now).toMatchObject(both));
  const left: LogMessage = { type: "rollback", to: "0_0", text: "", tool_calls: calls(["call_1", "{}"]) };
  connection.send(batch([left, reasoning("Anew.")], "1_8"));
  const after = { reasoning: "Anew.", toolCalls: calls(["call_1", "{}"]) };
  await vi.waitFor(() => expect(stream.now).toMatchObject(after));
});

it("goes on from what a version kept that knew of no reasoning", async () => {
  const { kept } = openBrowser();
  const view = { text: "one ", progress: null, state: "running", isStreaming: true, error: null };
  kept.set("errand/stream/j", JSON.stringify({ offset: "0_1", view }));
  const { server, stream } = await watch();
  (await server.connection()).send(batch([reasoning("Hm."), callPiece("{}"), text("two")], "0_4"));
  await vi.waitFor(() => expect(stream.now).toMatchObject({ text: "one two", reasoning: "Hm." }));
  expect(stream.now.toolCalls).toHaveLength(1);
});

it("tells how the job has failed, and why a stream cannot be read", async () => {
  openBrowser();
  const { server, stream } = await watch();
  const error = { code: "timeout", message: "late", retryable: true };
  (await server.connection()).send(batch([{ type: "end", state: "failed", error }], "0_1", true));
  await vi.waitFor(() => expect(stream.now).toMatchObject({ state: "failed", error, isStreaming: false }));
  const away = new SpokenServer();
  const body = { error: { code: "not_found", type: "not_found_error", message: "No such job." } };
  away.answers["GET /v1/jobs/k/stream"] = () => Response.json(body, { status: 404 });
  const other = probe(() => useJobStream("k"));
  await openPage(away.errand, other.node);
  await vi.waitFor(() =>
    expect(other.now).toMatchObject({ isStreaming: false, error: { name: "NotFoundError" } }),
  );
});

it("shows in one go what comes in one go", async () => {
  openBrowser();
  const { server, shows, stream } = await watch();
  const before = stream.seen.length;
  const words = Array.from({ length: 500 }, (_, i) => `${i} `);
  (await server.connection()).send(batch(words.map(text), "0_1"));
  await shows(words.join(""));
  expect(stream.seen.length - before).toBeLessThan(5);
});

it("hangs up when the last component that looks has gone, and not before", async () => {
  openBrowser();
  const server = new SpokenServer();
  const [one, two] = [probe(() => useJobStream("j")), probe(() => useJobStream("j"))];
  const page = await openPage(server.errand, [
    createElement("i", { key: 1 }, one.node),
    createElement("i", { key: 2 }, two.node),
  ]);
  const connection = await server.connection();
  connection.send(batch([text("one")], "0_1"));
  await vi.waitFor(() => expect([one.now.text, two.now.text]).toEqual(["one", "one"]));
  await page.show([createElement("i", { key: 2 }, two.node)]);
  expect(server.open).toHaveLength(1);
  connection.send(batch([text(" two")], "0_2"));
  await vi.waitFor(() => expect(two.now.text).toBe("one two"));
  await page.close();
  await vi.waitFor(() => expect(server.open).toEqual([]));
  expect(server.connections).toHaveLength(1);
});

it("keeps the connection when a component takes another's place", async () => {
  openBrowser();
  const server = new SpokenServer();
  const [one, two] = [probe(() => useJobStream("j")), probe(() => useJobStream("j"))];
  const page = await openPage(server.errand, createElement("i", { key: 1 }, one.node));
  const connection = await server.connection();
  connection.send(batch([text("one")], "0_1"));
  await vi.waitFor(() => expect(one.now.text).toBe("one"));
  await page.show(createElement("i", { key: 2 }, two.node));
  connection.send(batch([text(" two")], "0_2"));
  await vi.waitFor(() => expect(two.now.text).toBe("one two"));
  expect(server.connections).toHaveLength(1);
});

it("opens one connection in StrictMode, and leaves none open", async () => {
  openBrowser();
  const { server, page, shows } = await watch(undefined, true);
  (await server.connection()).send(batch([text("once")], "0_1"));
  await shows("once");
  expect(server.connections).toHaveLength(1);
  await page.close();
  await vi.waitFor(() => expect(server.open).toEqual([]));
});

it("goes on where it was when the component comes back", async () => {
  openBrowser();
  const first = await watch();
  (await first.server.connection()).send(batch([text("one "), text("two ")], "0_2"));
  await first.shows("one two ");
  await first.page.close();
  const second = await watch(first.server);
  await second.shows("one two ");
  const connection = await second.server.connection(2);
  expect(offsetOf(connection)).toBe("0_2");
  connection.send(batch([text("three"), END], "0_4", true));
  await second.shows("one two three");
});

it("goes on after a reload, from what the tab has kept: a text, and the place right behind it", async () => {
  const { kept } = openBrowser();
  const first = await watch();
  // Some time later: what is shown is kept now and then, not with every word.
  const later = vi.spyOn(Date, "now").mockReturnValue(Date.now() + 1_000);
  onTestFinished(() => later.mockRestore());
  (await first.server.connection()).send(batch([text("one "), text("two ")], "0_2"));
  await first.shows("one two ");
  expect([...kept.keys()]).toEqual(["errand/stream/j"]);
  // A page that is thrown away does not unmount.
  const second = await watch(new SpokenServer());
  await second.shows("one two ");
  const connection = await second.server.connection();
  expect(offsetOf(connection)).toBe("0_2");
  connection.send(batch([text("three"), END], "0_4", true));
  await second.shows("one two three");
});

it("starts from the first word where nothing can be kept", async () => {
  openBrowser();
  const denied = () => {
    throw new Error("denied");
  };
  vi.stubGlobal("sessionStorage", { getItem: denied, setItem: denied });
  const first = await watch();
  (await first.server.connection()).send(batch([text("one ")], "0_1"));
  await first.shows("one ");
  await first.page.close();
  const second = await watch(first.server);
  const connection = await second.server.connection(2);
  expect(offsetOf(connection)).toBe("-1");
  connection.send(batch([text("one "), text("two")], "0_2"));
  await second.shows("one two");
});

it.each(["{", "null", '{"offset":1,"view":{"text":"x"}}', '{"offset":"0_1"}', '{"offset":"0_1","view":{}}'])(
  "starts from the first word when what was kept is %s",
  async (spoiled) => {
    const { kept } = openBrowser();
    kept.set("errand/stream/j", spoiled);
    const { server, shows } = await watch();
    const connection = await server.connection();
    expect(offsetOf(connection)).toBe("-1");
    connection.send(batch([text("one")], "0_1"));
    await shows("one");
  },
);

it("shows a text that has ended as it was, and goes on if the job is run again", async () => {
  openBrowser();
  const first = await watch();
  (await first.server.connection()).send(batch([text("one"), END], "0_2", true));
  await vi.waitFor(() => expect(first.stream.now.isStreaming).toBe(false));
  await first.page.close();
  const second = await watch(first.server);
  expect(second.stream.now).toMatchObject({ text: "one", state: "completed", isStreaming: false });
  (await second.server.connection(2)).send(batch([rollback(""), text("new")], "1_4"));
  await second.shows("new");
  expect(second.stream.now).toMatchObject({ state: "running", isStreaming: true });
});

it("loses and doubles nothing over a lost connection", async () => {
  dontPause();
  openBrowser();
  const { server, shows } = await watch();
  const connection = await server.connection();
  connection.send(batch([text("one ")], "0_1"));
  await shows("one ");
  connection.send(batch([text("two ")], "0_2").slice(0, 40));
  connection.cut();
  const next = await server.connection(2);
  expect(offsetOf(next)).toBe("0_1");
  next.send(batch([text("two "), END], "0_3", true));
  await shows("one two ");
});

it("turns to another job when it is given another id, and to none without one", async () => {
  openBrowser();
  const server = new SpokenServer();
  const Words = ({ id }: { id: string | null }) => createElement("p", null, useJobStream(id).text);
  const page = await openPage(server.errand, createElement(Words, { id: "a" }));
  (await server.connection()).send(batch([text("first")], "0_1"));
  await vi.waitFor(() => expect(page.html()).toBe("<p>first</p>"));
  await page.show(createElement(Words, { id: "b" }));
  expect(page.html()).toBe("<p></p>");
  (await server.connection(2)).send(batch([text("second")], "0_1"));
  await vi.waitFor(() => expect(page.html()).toBe("<p>second</p>"));
  await page.show(createElement(Words, { id: null }));
  await vi.waitFor(() => expect(server.open).toEqual([]));
  expect(page.html()).toBe("<p></p>");
});

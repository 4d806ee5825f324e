// On a server the hooks show what is not known yet, and do nothing; a browser takes over what was rendered there.

import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { expect, it, vi } from "vitest";
import { ErrandProvider, useJob, useJobStream, useJobs, useSubmit } from "../../client/src/react/index";
import { openBrowser, openPage } from "../support/page";
import { SpokenServer } from "../support/spoken-server";
import { batch, END, text } from "../support/stream-frames";

function Everything() {
  const { isLoading } = useJob("j");
  const { jobs } = useJobs({ channel: "c" });
  const stream = useJobStream("j");
  const { isSubmitting } = useSubmit("generate");
  return createElement("p", null, JSON.stringify([isLoading, jobs, stream.text, isSubmitting]));
}

const render = ({ errand }: SpokenServer) =>
  renderToString(createElement(ErrandProvider, { client: errand }, createElement(Everything)));

it("a server renders what is not known yet, and asks for nothing", () => {
  const server = new SpokenServer();
  expect(render(server)).toContain("[true,[],&quot;&quot;,false]");
  expect([server.connections, server.calls]).toEqual([[], []]);
});

it("a browser takes over what a server has rendered, with what it has kept, without a mismatch", async () => {
  const html = render(new SpokenServer());
  const { kept } = openBrowser();
  const view = { text: "one ", progress: null, state: "running", isStreaming: true, error: null };
  kept.set("errand/stream/j", JSON.stringify({ offset: "0_1", view }));
  const server = new SpokenServer();
  const onError = vi.fn();
  const page = await openPage(server.errand, createElement(Everything), { html, onError });
  const connection = await vi.waitFor(() => {
    const found = server.connections.find(({ url }) => url.pathname.endsWith("/stream"));
    if (!found) throw new Error("it does not listen yet");
    return found;
  });
  connection.send(batch([text("two"), END], "0_3", true));
  await vi.waitFor(() => expect(page.html()).toContain("one two"));
  expect(onError).not.toHaveBeenCalled();
  await page.close();
  await vi.waitFor(() => expect(server.open).toEqual([]));
});

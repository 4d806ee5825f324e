// The platform lets six connections wait for headers; our calls take five of them at the most.

import { describe, expect, it } from "vitest";
import { createHeaderSlots } from "../../src/llm/header-slots";
import { eventStream, failure, hello, textChunk, withProvider } from "./fake-provider";

/** A fetch whose answers are given by hand, and that knows how many wait. */
function slowNetwork() {
  const waiting: { url: string; answer(response: Response): void; fail(error: Error): void }[] = [];
  const fetch = (url: string | URL | Request) =>
    new Promise<Response>((answer, fail) => waiting.push({ url: String(url), answer, fail }));
  return { waiting, fetch };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("header slots", () => {
  it("let five calls wait for headers, and the sixth goes when one has its headers", async () => {
    const { waiting, fetch } = slowNetwork();
    const limited = createHeaderSlots()(fetch);
    const calls = Array.from({ length: 7 }, (_, i) => limited(`https://a.test/${i}`));
    await settled();
    expect(waiting).toHaveLength(5);
    // The body is still open: only the headers count.
    waiting[0]?.answer(new Response(new ReadableStream()));
    await calls[0];
    await settled();
    expect(waiting.map(({ url }) => url).slice(5)).toEqual(["https://a.test/5"]);
  });

  it("are freed by a failure too", async () => {
    const { waiting, fetch } = slowNetwork();
    const limited = createHeaderSlots(1)(fetch);
    const first = limited("https://a.test/1");
    const second = limited("https://a.test/2");
    await settled();
    waiting[0]?.fail(new TypeError("fetch failed"));
    await expect(first).rejects.toThrow("fetch failed");
    await settled();
    waiting[1]?.answer(new Response("ok"));
    expect(await (await second).text()).toBe("ok");
  });

  it("let go of a call that is aborted while it waits, and pass over it", async () => {
    const { waiting, fetch } = slowNetwork();
    const limited = createHeaderSlots(1)(fetch);
    const controller = new AbortController();
    limited("https://a.test/1").catch(() => undefined);
    const aborted = limited("https://a.test/2", { signal: controller.signal });
    limited("https://a.test/3").catch(() => undefined);
    controller.abort(new Error("stopped"));
    await expect(aborted).rejects.toThrow("stopped");
    waiting[0]?.answer(new Response("ok"));
    await settled();
    expect(waiting.map(({ url }) => url)).toEqual(["https://a.test/1", "https://a.test/3"]);
  });

  it("are shared by all jobs of an invocation", async () => {
    const headerSlots = createHeaderSlots(1);
    let open = 0;
    let most = 0;
    const answer = async () => {
      open += 1;
      most = Math.max(most, open);
      await settled();
      open -= 1;
      return eventStream([textChunk("ok", "stop")]);
    };
    await Promise.all([1, 2, 3].map(() => withProvider(answer, { headerSlots }).llm.chat(hello)));
    expect(most).toBe(1);
  });

  it("count nothing as used for a call that was aborted before it was sent", async () => {
    const headerSlots = createHeaderSlots(1);
    const blocker = withProvider(() => new Promise(() => undefined), { headerSlots });
    blocker.llm.chat(hello).catch(() => undefined);
    await settled();
    const controller = new AbortController();
    const { llm, usages, sent } = withProvider(() => failure(500), {
      headerSlots,
      signal: controller.signal,
    });
    const chat = llm.chat(hello);
    await settled();
    controller.abort();
    await expect(chat).rejects.toMatchObject({ code: "cancelled" });
    expect([sent.length, usages.length]).toEqual([0, 0]);
  });
});

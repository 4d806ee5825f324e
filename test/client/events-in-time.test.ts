import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Errand } from "../../client/src/index";
import { ORIGIN } from "../support/http-client";
import { scripted } from "../support/scripted-fetch";
import { greeting, stuck, subscribe } from "../support/subscriptions";

describe("time that goes by", () => {
  type Seen = { url: URL; sent: string[]; isClosed: boolean };

  /** Sockets that greet, and then say nothing any more; no Worker takes part, whose clock would stand still as well. */
  function greetOnly(): Seen[] {
    vi.useFakeTimers();
    vi.spyOn(Math, "random").mockReturnValue(0);
    const sockets: Seen[] = [];
    class GreetingSocket extends EventTarget {
      readonly seen: Seen;
      constructor(url: string) {
        super();
        this.seen = { url: new URL(url), sent: [], isClosed: false };
        sockets.push(this.seen);
        queueMicrotask(() => {
          this.dispatchEvent(new Event("open"));
          const data = JSON.stringify(greeting("7.1"));
          this.dispatchEvent(new MessageEvent("message", { data }));
        });
      }
      send(text: string): void {
        this.seen.sent.push(text);
      }
      close(): void {
        this.seen.isClosed = true;
      }
    }
    vi.stubGlobal("WebSocket", GreetingSocket);
    onTestFinished(() => {
      vi.useRealTimers();
      vi.restoreAllMocks();
      vi.unstubAllGlobals();
    });
    return sockets;
  }

  it("shows a connection that has died without a word: silent for 45 s in spite of pings, it is replaced", async () => {
    const sockets = greetOnly();
    const subscription = subscribe(new Errand({ baseUrl: ORIGIN, token: "t" }), { channel: "c" });
    await vi.advanceTimersByTimeAsync(44_000);
    expect(sockets.map(({ sent, isClosed }) => [sent, isClosed])).toEqual([[["ping", "ping"], false]]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(sockets.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    expect(sockets[1]?.url.searchParams.get("since")).toBe("7.1");
    subscription.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("shows a stream that has died in the same way", async () => {
    greetOnly();
    const { errand, times, urls } = scripted([() => stuck(greeting("7.1"))]);
    const subscription = subscribe(errand, { channel: "c" });
    await vi.advanceTimersByTimeAsync(44_000);
    expect(times).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(times).toHaveLength(2);
    expect(urls[1]).toMatch(/since=7\.1$/);
    subscription.close();
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("lets a token expire: who comes back over a WebSocket brings a new one", async () => {
    const sockets = greetOnly();
    const token = (exp: number) => `eyJhIjoxfQ.${btoa(JSON.stringify({ exp }))}.x`;
    const getToken = () => token(Date.now() / 1_000 + 60);
    const subscription = subscribe(new Errand({ baseUrl: ORIGIN, getToken }), { channel: "c" });
    const first = token(Date.now() / 1_000 + 60);
    await vi.advanceTimersByTimeAsync(100_000);
    const used = sockets.map(({ url }) => url.searchParams.get("token"));
    expect(used.map((one) => one === first)).toEqual([true, true, false]);
    subscription.close();
  });
});

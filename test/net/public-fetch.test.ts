import { describe, expect, it } from "vitest";
import { AppError } from "../../src/core/errors";
import { checkPublicUrl, type FetchOptions, fetchPublic } from "../../src/net/public-fetch";

type Answer = Response | (() => Response | Promise<Response>);

const bytes = (text: string) => new TextEncoder().encode(text);
const never = new AbortController().signal;
const LIMITS = { allowLocal: false, maxBytes: 1_000, timeoutMs: 10_000, accept: "text/html" };

/** A world of addresses and their answers; anything else is out of reach. */
function world(answers: Record<string, Answer>, over: Partial<FetchOptions> = {}) {
  const asked: { url: string; init: RequestInit }[] = [];
  const fetch = async (url: string, init: RequestInit) => {
    asked.push({ url, init });
    const answer = answers[url];
    if (answer === undefined) throw new TypeError("network connection lost");
    return typeof answer === "function" ? answer() : answer;
  };
  const get = (url: string) => fetchPublic(url, { ...LIMITS, signal: never, fetch, ...over });
  const urls = () => asked.map(({ url }) => url);
  return { get, asked, urls };
}

const redirect = (location: string, status = 302) => new Response(null, { status, headers: { location } });
const failing = (code: string, retryable: boolean, message?: string) =>
  expect.objectContaining({ code, retryable, ...(message && { message: expect.stringContaining(message) }) });

/** Much more than anybody wants; tells how much of it was taken. */
function flood() {
  const state = { sent: 0, isCancelled: false };
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      state.sent += 100;
      controller.enqueue(new Uint8Array(100));
      if (state.sent >= 100_000) controller.close();
    },
    cancel() {
      state.isCancelled = true;
    },
  });
  return { body, state };
}

describe("a URL", () => {
  it.each([
    ["http://example.com", "expected https"],
    ["ftp://example.com", "expected https"],
    ["file:///etc/passwd", "expected https"],
    ["data:text/plain,x", "expected https"],
    ["javascript:alert(1)", "expected https"],
    ["https://user@example.com", "user name"],
    ["https://:word@example.com", "password"],
    ["https://example.com:22", "port 443"],
    ["https://example.com:1023", "port 443"],
    ["https://127.0.0.1", "not public (loopback)"],
    ["https://localhost", "without a dot"],
    ["https://printer.local", "under .local"],
    ["example.com", "not a URL"],
    ["//example.com", "not a URL"],
    ["https://", "not a URL"],
    ["https://[fe80::1%25eth0]/", "not a URL"],
    ["", "not a URL"],
  ])("is refused, and the reason is told: %s", (url, reason) => {
    expect(() => checkPublicUrl(url, { allowLocal: false })).toThrow(
      failing("url_not_allowed", false, reason),
    );
  });

  it.each([
    "https://example.com",
    "https://example.com:443/a?b#c",
    "https://example.com:8443",
    "https://1.1.1.1",
  ])("is allowed: %s", (url) => {
    expect(checkPublicUrl(url, { allowLocal: false }).href).toBe(new URL(url).href);
  });

  it("may be local and http where the setting says so, but never of another scheme or with a password", () => {
    for (const url of ["http://127.0.0.1:80/a", "http://localhost:3000", "http://[::1]:22"]) {
      expect(checkPublicUrl(url, { allowLocal: true }).href).toBe(new URL(url).href);
    }
    for (const url of ["file:///etc/passwd", "http://a:b@localhost"]) {
      expect(() => checkPublicUrl(url, { allowLocal: true })).toThrow(failing("url_not_allowed", false));
    }
  });
});

describe("a fetch", () => {
  it("gives the bytes, their type and the address, and says what it wants and who it is", async () => {
    const page = new Response("<p>Tea</p>", { headers: { "content-type": "text/html; charset=utf-8" } });
    const { get, asked } = world({ "https://example.com/": page });
    expect(await get("https://example.com")).toEqual({
      bytes: bytes("<p>Tea</p>"),
      contentType: "text/html; charset=utf-8",
      url: "https://example.com/",
    });
    expect(asked[0]?.init).toMatchObject({
      redirect: "manual",
      headers: { accept: "text/html", "user-agent": "Errand" },
    });
  });

  it("follows redirects, relative ones too, of each kind", async () => {
    const { get } = world({
      "https://a.example.com/": redirect("/two?x=1", 301),
      "https://a.example.com/two?x=1": redirect("https://b.example.com/dir/three", 303),
      "https://b.example.com/dir/three": redirect("four", 307),
      "https://b.example.com/dir/four": redirect("//c.example.com", 308),
      "https://c.example.com/": () => new Response("here"),
    });
    expect(await get("https://a.example.com")).toMatchObject({
      bytes: bytes("here"),
      url: "https://c.example.com/",
    });
  });

  it.each([
    "http://example.com/",
    "https://127.0.0.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://[::ffff:10.0.0.1]/",
    "https://2130706433/",
    "//localhost/",
    "https://user:word@example.com/",
    "https://example.com:22/",
    "file:///etc/passwd",
  ])("does not follow a redirect to %s, nor asks it", async (location) => {
    const { get, urls } = world({ "https://example.com/": () => redirect(location) });
    await expect(get("https://example.com/")).rejects.toEqual(failing("url_not_allowed", false));
    expect(urls()).toEqual(["https://example.com/"]);
  });

  it("follows five redirects and no more", async () => {
    const hops = (count: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, i) => [`https://example.com/${i}`, () => redirect(`/${i + 1}`)]),
      );
    const five = world({ ...hops(5), "https://example.com/5": new Response("end") });
    expect((await five.get("https://example.com/0")).url).toBe("https://example.com/5");
    const six = world({ ...hops(6), "https://example.com/6": new Response("end") });
    await expect(six.get("https://example.com/0")).rejects.toEqual(
      failing("url_unreachable", false, "redirects"),
    );
    expect(six.urls()).toHaveLength(6);
  });

  it.each([
    [400, false],
    [401, false],
    [403, false],
    [404, false],
    [410, false],
    [304, false],
    [408, true],
    [429, true],
    [500, true],
    [503, true],
  ])("that is answered %i fails, and is tried again: %s", async (status, retryable) => {
    const { get } = world({ "https://example.com/": new Response(null, { status }) });
    await expect(get("https://example.com")).rejects.toEqual(
      failing("url_unreachable", retryable, `${status}`),
    );
  });

  it("that reaches nobody fails, and is tried again", async () => {
    await expect(world({}).get("https://example.com")).rejects.toEqual(failing("url_unreachable", true));
  });

  it("takes maxBytes, and stops reading at one more, whatever Content-Length says", async () => {
    const just = world({ "https://example.com/": new Response(new Uint8Array(1_000)) });
    expect((await just.get("https://example.com")).bytes).toHaveLength(1_000);
    const { body, state } = flood();
    const lying = world({
      "https://example.com/": new Response(body, { headers: { "content-length": "10" } }),
    });
    await expect(lying.get("https://example.com")).rejects.toEqual(
      failing("url_unreachable", false, "1000 bytes"),
    );
    expect(state.sent).toBeLessThan(1_400);
    expect(state.isCancelled).toBe(true);
  });

  it("takes an answer without a body as empty", async () => {
    const { get } = world({ "https://example.com/": new Response(null, { status: 204 }) });
    expect(await get("https://example.com")).toEqual({
      bytes: bytes(""),
      contentType: "",
      url: "https://example.com/",
    });
  });

  it("ends at its time limit, while it waits for headers and while it reads, and is tried again", async () => {
    const hanging = (_: string, init: RequestInit) =>
      new Promise<Response>((_, reject) => {
        init.signal?.addEventListener("abort", () => reject(init.signal?.reason));
      });
    const stalling = async () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) }));
    for (const fetch of [hanging, stalling]) {
      const { get } = world({}, { fetch, timeoutMs: 5 });
      await expect(get("https://example.com")).rejects.toEqual(failing("url_unreachable", true, "0.005 s"));
    }
  });

  it("ends with its signal, and throws the signal's reason", async () => {
    const stop = new AbortController();
    const why = new AppError("timeout");
    const fetch = async () => {
      stop.abort(why);
      return new Response(new ReadableStream({ pull: () => new Promise(() => {}) }));
    };
    await expect(world({}, { fetch, signal: stop.signal }).get("https://example.com")).rejects.toBe(why);
    const other = world({ "https://example.com/": new Response("x") }, { signal: AbortSignal.abort() });
    await expect(other.get("https://example.com")).rejects.toEqual(failing("cancelled", false));
  });
});

import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Errand, type ErrandOptions } from "../../client/src/index";
import { signToken } from "../../src/http/tokens";
import { connect, type Seen } from "../support/client-wire";
import { mint, ORIGIN, TOKEN_SECRET } from "../support/http-client";

const make = (options: Partial<ErrandOptions>) => () => new Errand({ baseUrl: ORIGIN, ...options });

const grant = { channel: "user-1", allow: ["read", "submit"] };

/** A token that was good until a second ago. */
function expired(): Promise<string> {
  return signToken(TOKEN_SECRET, {
    projectId: "default",
    id: "tok_1",
    keyId: null,
    allow: ["read"],
    channel: "user-1",
    job: null,
    tasks: null,
    models: null,
    maxJobs: null,
    expiresAt: Date.now() - 1_000,
  });
}

const sent = (requests: Seen[]) => requests.map(({ headers }) => headers.get("authorization"));

describe("new Errand()", () => {
  it.each<[string, Partial<ErrandOptions>, RegExp]>([
    ["none", {}, /exactly one of `key`.*`token` or `getToken`.*there is none/],
    ["a key that is not set", { key: undefined }, /Is an environment variable missing/],
    ["an empty key", { key: "" }, /`key` is empty/],
    ["an empty token", { token: "" }, /`token` is empty/],
    ["two", { key: "k", token: "t" }, /there are key and token/],
    ["all three", { key: "k", token: "t", getToken: () => "t" }, /key and token and getToken/],
  ])("wants exactly one way to show who asks: %s", (_, options, words) => {
    expect(make(options)).toThrow(TypeError);
    expect(make(options)).toThrow(words);
  });

  it.each([undefined, "", "errand.example.com", "ftp://errand.example.com", "/api", "https://"])(
    "wants an address that can be one: %j",
    (baseUrl) => {
      const options = { baseUrl, key: "k" } as ErrandOptions;
      expect(() => new Errand(options)).toThrow(TypeError);
      expect(() => new Errand(options)).toThrow(/baseUrl must be the address of your deployment/);
    },
  );

  it.each(["https://errand.test", "https://errand.test/", "https://errand.test//"])(
    "takes an address with and without a slash: %s",
    async (baseUrl) => {
      const { errand, wire } = connect({ baseUrl });
      await errand.tasks.list();
      expect(wire.requests[0]?.url.href).toBe("https://errand.test/v1/tasks");
    },
  );

  it("takes no key in a browser, unless it is told that it may", () => {
    vi.stubGlobal("window", {});
    vi.stubGlobal("document", {});
    onTestFinished(() => void vi.unstubAllGlobals());
    expect(make({ key: "k" })).toThrow(/mint a token.*getToken.*dangerouslyAllowBrowser/s);
    expect(make({ key: "k", dangerouslyAllowBrowser: true })).not.toThrow();
    expect(make({ token: "t" })).not.toThrow();
  });

  it("asks over the global fetch unless it gets another one", async () => {
    vi.stubGlobal("fetch", async (url: string) => Response.json({ object: "list", data: [], url }));
    onTestFinished(() => void vi.unstubAllGlobals());
    expect(await make({ key: "k" })().tasks.list()).toEqual([]);
  });
});

describe("getToken", () => {
  it("is asked at the first need, and not again while the token is good", async () => {
    const getToken = vi.fn(() => mint(grant));
    const { errand } = connect({ getToken });
    expect(getToken).not.toHaveBeenCalled();
    await Promise.all([errand.jobs.list(), errand.tasks.list()]);
    await errand.jobs.list();
    expect(getToken).toHaveBeenCalledOnce();
  });

  it("is asked again when the token is refused, and the call goes on with the new one", async () => {
    const good = await mint(grant);
    const tokens = ["eyJub3QifQ.YQ.YQ", good];
    const getToken = vi.fn(() => tokens.shift() ?? "");
    const { errand, wire } = connect({ getToken });
    const job = await errand.jobs.submit("generate", { prompt: "a", model: "sandbox/chat" }, { delayS: 60 });
    expect(job.channel).toBe("user-1");
    expect(sent(wire.requests)).toEqual(["Bearer eyJub3QifQ.YQ.YQ", `Bearer ${good}`]);
  });

  it("is asked once more only: who is refused twice is told", async () => {
    const old = await expired();
    let asked = 0;
    const getToken = () => `${old}${"x".repeat(++asked)}`;
    const { errand, wire } = connect({ getToken });
    await expect(errand.jobs.list()).rejects.toMatchObject({ name: "AuthenticationError", status: 401 });
    expect(wire.requests).toHaveLength(2);
    const same = connect({ getToken: () => old });
    await expect(same.errand.jobs.list()).rejects.toMatchObject({ message: /expired/ });
    expect(same.wire.requests).toHaveLength(1);
  });

  it("is asked before a token is used that says itself that it has expired", async () => {
    const good = await mint(grant);
    const tokens = [await expired(), good];
    const getToken = vi.fn(() => tokens.shift() ?? good);
    const { errand, wire } = connect({ getToken });
    await errand.jobs.list();
    await errand.jobs.list();
    expect(sent(wire.requests).at(-1)).toBe(`Bearer ${good}`);
    expect(getToken).toHaveBeenCalledTimes(2);
  });

  it("that fails is asked again, and what it threw is told as the cause", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    onTestFinished(() => void vi.restoreAllMocks());
    const cause = new Error("offline");
    const good = await mint(grant);
    const getToken = vi.fn<() => Promise<string>>().mockRejectedValueOnce(cause).mockResolvedValue(good);
    await connect({ getToken }).errand.jobs.list();
    const { errand } = connect({ getToken: () => Promise.reject(cause) });
    const message = "getToken has failed: offline";
    await expect(errand.jobs.list()).rejects.toMatchObject({ name: "ConnectionError", message, cause });
  });

  it("that gives no token is told what to give", async () => {
    const getToken = (() => ({ token: "t" })) as unknown as () => string;
    await expect(connect({ getToken }).errand.jobs.list()).rejects.toThrow(/getToken must return a token/);
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { gaps, scripted, settle } from "../support/scripted-fetch";

const ok = () => Response.json({ object: "list", data: [] });
const silent = () => new Promise<Response>(() => {});

function failing(status: number, code: string, headers: Record<string, string> = {}) {
  const error = { message: code, type: "api_error", code, param: null, request_id: "req-1" };
  return () => Response.json({ error }, { status, headers });
}

// No Worker takes part here, whose clock would stand still as well.
beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("a passing error", () => {
  it("is met by two more tries at the most, after random shares of 0.5 s and 1 s", async () => {
    vi.spyOn(Math, "random").mockReturnValueOnce(0.5).mockReturnValueOnce(1);
    const { errand, times } = scripted([failing(503, "store_unavailable")]);
    expect(await settle(errand.tasks.list())).toMatchObject({
      name: "ServerError",
      code: "store_unavailable",
      status: 503,
      requestId: "req-1",
    });
    expect(gaps(times)).toEqual([250, 1_000]);
  });

  it("is met by as many tries as were asked for", async () => {
    const never = scripted([failing(500, "internal")], { maxRetries: 0 });
    await settle(never.errand.tasks.list());
    expect(never.times).toHaveLength(1);
    const often = scripted([failing(500, "internal")], { maxRetries: 5 });
    await settle(often.errand.tasks.list());
    expect(often.times).toHaveLength(6);
  });

  it("waits for as long as Retry-After asks", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    const { errand, times } = scripted([failing(429, "quota_exceeded", { "retry-after": "7" }), ok]);
    expect(await settle(errand.tasks.list())).toEqual([]);
    expect(gaps(times)).toEqual([7_000]);
  });

  it("is told at once when Retry-After asks for more than a minute", async () => {
    const { errand, times } = scripted([failing(429, "quota_exceeded", { "retry-after": "3600" })]);
    expect(await settle(errand.tasks.list())).toMatchObject({ retryAfterMs: 3_600_000 });
    expect(times).toHaveLength(1);
  });

  it.each([
    [429, "token_exhausted"],
    [500, "object_missing"],
    [400, "invalid_request"],
    [409, "job_not_final"],
  ])("is not what %s %s is: it is told at once", async (status, code) => {
    const { errand, times } = scripted([failing(status, code)]);
    expect(await settle(errand.tasks.list())).toMatchObject({ status, code });
    expect(times).toHaveLength(1);
  });
});

describe("a server that does not answer", () => {
  it("has timeoutMs for each try", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    const { errand, times, inits } = scripted([silent], { timeoutMs: 3_000 });
    expect(await settle(errand.tasks.list())).toMatchObject({
      name: "TimeoutError",
      code: "request_timeout",
      message: "No answer from https://errand.test in 3 s.",
    });
    expect(gaps(times)).toEqual([3_000, 3_000]);
    expect(inits.map(({ signal }) => signal?.aborted)).toEqual([true, true, true]);
  });

  it("is also one whose answer stops half-way", async () => {
    const stuck = () =>
      new Response(new ReadableStream({ start: (body) => body.enqueue(new Uint8Array(1)) }));
    const { errand } = scripted([stuck, ok], { timeoutMs: 3_000 });
    expect(await settle(errand.tasks.list())).toEqual([]);
  });

  it("is told with its address and the cause", async () => {
    const cause = new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") });
    const { errand, times } = scripted([() => Promise.reject(cause)]);
    const error = await settle(errand.tasks.list());
    expect(error).toMatchObject({ name: "ConnectionError", status: null, cause });
    expect((error as Error).message).toMatch(
      /^No answer from https:\/\/errand\.test \(fetch failed: connect ECONNREFUSED\)\. Is baseUrl right/,
    );
    expect(times).toHaveLength(3);
  });
});

describe("an answer that is not Errand's", () => {
  it("says so, and asks whether baseUrl is right", async () => {
    const page = () => new Response("<!doctype html>");
    const { errand, times } = scripted([page]);
    const error = await settle(errand.tasks.list());
    expect(error).toMatchObject({
      code: "invalid_answer",
      status: 200,
      message: expect.stringContaining("baseUrl"),
    });
    expect(times).toHaveLength(1);
  });

  it.each([
    [401, "AuthenticationError"],
    [403, "PermissionError"],
    [404, "NotFoundError"],
    [409, "ConflictError"],
    [413, "InvalidRequestError"],
    [429, "RateLimitError"],
    [502, "ServerError"],
  ])("is told apart by its status: %s is a %s", async (status, name) => {
    const { errand } = scripted([() => new Response("<h1>No</h1>", { status })]);
    const error = await settle(errand.tasks.list());
    expect(error).toMatchObject({
      name,
      status,
      code: `http_${status}`,
      message: expect.stringContaining("baseUrl"),
    });
  });
});

describe("a signal", () => {
  const reason = new Error("the user left");

  it("ends a call at once, with its own reason, and takes the request back", async () => {
    const { errand, inits } = scripted([silent]);
    const leaving = new AbortController();
    const call = errand.tasks.list({ signal: leaving.signal });
    const ended = expect(call).rejects.toBe(reason);
    await vi.advanceTimersByTimeAsync(0);
    leaving.abort(reason);
    await ended;
    expect(inits[0]?.signal?.aborted).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("ends the pause between tries, and there is no further try", async () => {
    vi.spyOn(Math, "random").mockReturnValue(1);
    const { errand, times } = scripted([failing(503, "store_unavailable")]);
    const leaving = new AbortController();
    const ended = expect(errand.tasks.list({ signal: leaving.signal })).rejects.toBe(reason);
    await vi.advanceTimersByTimeAsync(100);
    leaving.abort(reason);
    await ended;
    expect(times).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("that has aborted before lets nothing be sent", async () => {
    const { errand, times } = scripted([ok]);
    const signal = AbortSignal.abort(reason);
    await expect(errand.jobs.run("embed", { input: "a" }, { signal })).rejects.toBe(reason);
    await expect(errand.jobs.submit("embed", { input: "a" }, { signal })).rejects.toBe(reason);
    expect(times).toEqual([]);
  });
});

// The program without a process: what it prints where, and with which code it ends.

import { afterEach, describe, expect, it, vi } from "vitest";
import { COMMANDS } from "../../client/src/cli/commands";
import { run } from "../../client/src/cli/program";
import { widthOf } from "../../client/src/cli/width";

const KEYED = { ERRAND_URL: "http://errand.test", ERRAND_KEY: "errand_key" };

type Terminal = { columns?: number; isTty?: boolean; input?: string; signal?: AbortSignal };

function start(args: string[], env: Record<string, string>, terminal: Terminal = {}) {
  const { columns = Number.POSITIVE_INFINITY, isTty = false, input = "", signal } = terminal;
  const printed = { out: "", err: "" };
  const sink = (name: "out" | "err") => ({
    write: (text: string) => {
      printed[name] += text;
    },
    isTty,
    columns: () => columns,
    rows: () => 24,
    hasColours: isTty,
  });
  const code = run(args, {
    env,
    out: sink("out"),
    err: sink("err"),
    readFile: async (path) => Promise.reject(new Error(`no such file: ${path}`)),
    readInput: async () => input,
    readVersion: async () => "1.2.3",
    signal: signal ?? new AbortController().signal,
  });
  return { printed, code };
}

async function runProgram(args: string[], env: Record<string, string> = KEYED, terminal: Terminal = {}) {
  const { printed, code } = start(args, env, terminal);
  return { code: await code, ...printed };
}

type Seen = { method: string; path: string; body: unknown };

/** The network: `answer` stands for the service. */
function answering(answer: (seen: Seen) => Response): Seen[] {
  const requests: Seen[] = [];
  vi.stubGlobal("fetch", async (url: string, { method = "GET", body }: RequestInit) => {
    const { pathname, search } = new URL(url);
    const seen = {
      method,
      path: pathname + search,
      body: body === undefined ? null : JSON.parse(String(body)),
    };
    requests.push(seen);
    return answer(seen);
  });
  return requests;
}

function refusing(status: number, code: string, more: object = {}) {
  const type = { 401: "authentication_error", 403: "permission_error", 404: "not_found_error" }[status];
  const error = {
    message: "Words of the server.",
    code,
    type: type ?? "api_error",
    param: null,
    request_id: "req-7",
  };
  return answering(() => Response.json({ error: { ...error, ...more } }, { status }));
}

afterEach(() => void vi.unstubAllGlobals());

describe("the help", () => {
  it("tells every command, the exit codes, and of the key on a command line", async () => {
    const { code, out, err } = await runProgram(["--help"], {});
    expect([code, err]).toEqual([0, ""]);
    for (const { name, summary } of COMMANDS)
      expect(out).toContain(`${name.padEnd(6)}  ${summary.slice(0, 30)}`);
    for (const exit of [0, 1, 2, 3, 130]) expect(out).toMatch(new RegExp(`^ {2}${exit} +\\w`, "m"));
    expect(out).toContain("ends up in the\n");
  });

  it("of a command tells every option, and fits every terminal", async () => {
    for (const { name, options } of COMMANDS) {
      for (const columns of [30, 60, 120]) {
        const { out } = await runProgram(["help", name], {}, { columns });
        for (const line of out.split("\n")) expect(widthOf(line)).toBeLessThanOrEqual(columns);
        for (const option of Object.keys(options)) expect(out).toContain(`--${option}`);
      }
    }
  });
});

describe("an exit code", () => {
  it("is 2, and nothing is sent, when the command cannot be understood", async () => {
    const requests = answering(() => Response.json({}));
    const wrong: [string[], Record<string, string>][] = [
      [["nothing"], KEYED],
      [["stats", "--x"], KEYED],
      [["stats"], {}],
      [["stats"], { ERRAND_URL: KEYED.ERRAND_URL }],
      [["stats"], { ...KEYED, ERRAND_URL: "errand.test" }],
      [["submit", "generate"], KEYED],
      [["submit", "generate", "--input", "{"], KEYED],
      [["submit", "generate", "--input", "@nowhere.json"], KEYED],
      [["submit", "generate", "-", "--input", "{}"], KEYED],
      [["submit", "generate", "--input", "[]", "--prompt", "a"], KEYED],
      [["retry"], KEYED],
      [["retry", "job_1", "--filter", "tag=a"], KEYED],
      [["retry", "--filter", "tag=a", "--rate", "fast"], KEYED],
      [["watch", "job_1", "--channel", "c"], KEYED],
      [["keys", "make", "acme"], KEYED],
      [["keys", "revoke", "acme"], KEYED],
      [["doctor"], {}],
    ];
    for (const [args, env] of wrong) expect([args, (await runProgram(args, env)).code]).toEqual([args, 2]);
    expect(requests).toEqual([]);
  });

  it.each([
    [404, "not_found", 1],
    [422, "unknown_task", 1],
    [401, "unauthorized", 3],
    [403, "forbidden", 3],
  ])("of an answer %i %s is %i", async (status, code, exit) => {
    refusing(status, code);
    expect((await runProgram(["logs", "job_1"])).code).toBe(exit);
  });

  it("is 3 when nobody answers, or somebody who is not Errand", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    answering(() => {
      throw new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED 127.0.0.1:1") });
    });
    const away = await runProgram(["stats"]);
    expect(away.code).toBe(3);
    expect(away.err).toMatch(/^error {4}No answer from http:\/\/errand\.test .*ECONNREFUSED/);
    answering(() => new Response("<h1>Welcome</h1>"));
    expect((await runProgram(["stats"])).code).toBe(3);
    vi.restoreAllMocks();
  });
});

describe("an error", () => {
  it("tells what, which field, what to do and the request, on stderr alone, and no stack", async () => {
    refusing(422, "input_invalid", {
      param: "input.prompt",
      message: "input.prompt: expected text.\n    at x.ts:1",
    });
    const { out, err } = await runProgram(["submit", "generate", "--prompt", "a"]);
    expect(out).toBe("");
    expect(err).toBe(
      "error    input.prompt: expected text.\n         at x.ts:1 (input_invalid)\nfield    input.prompt\nrequest  req-7\n",
    );
    refusing(401, "unauthorized");
    expect((await runProgram(["stats"])).err).toContain("do       Check ERRAND_KEY.");
  });

  it("of a submit of which nobody knows whether it was stored tells the id", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    refusing(503, "store_unavailable", { job_ids: ["job_7"] });
    expect((await runProgram(["submit", "generate", "--prompt", "a"])).err).toContain("errand logs job_7");
    vi.restoreAllMocks();
  });

  it("of our own shows no stack either", async () => {
    answering(() => Response.json({ data: null }));
    const { code, err } = await runProgram(["stats"]);
    expect(code).toBe(1);
    expect(err).toMatch(/^error {4}\S/);
    expect(err).not.toMatch(/\n\s+at /);
  });

  it("is JSON for who asks for JSON", async () => {
    refusing(404, "not_found");
    const { out, err } = await runProgram(["logs", "job_1", "--json"]);
    expect(out).toBe("");
    expect(JSON.parse(err)).toEqual({
      error: {
        code: "not_found",
        message: "Words of the server (not_found)",
        param: null,
        todo: expect.stringContaining("Check the id"),
        request_id: "req-7",
      },
    });
  });

  it("of one job does not keep the others from being tried", async () => {
    const requests = refusing(404, "not_found");
    expect((await runProgram(["cancel", "job_1", "job_2"])).code).toBe(1);
    expect(requests.map(({ path }) => path)).toEqual(["/v1/jobs/job_1/cancel", "/v1/jobs/job_2/cancel"]);
  });
});

describe("the input of a job", () => {
  const submitted = async (args: string[], input?: string) => {
    const requests = answering(() => Response.json({ id: "job_1", state: "pending" }, { status: 202 }));
    const { out } = await runProgram(["submit", "generate", ...args], KEYED, { input });
    expect(out).toBe("job_1 pending\n");
    return requests[0]?.body;
  };

  it("comes from the prompt, the command line or stdin, with the options beside it", async () => {
    expect(await submitted(["--prompt", "a"])).toEqual({ task: "generate", input: { prompt: "a" } });
    expect(
      await submitted(["--input", '{"b":1}', "--prompt", "a", "--channel", "c", "--lane", "bulk"]),
    ).toEqual({
      task: "generate",
      input: { b: 1, prompt: "a" },
      channel: "c",
      lane: "bulk",
    });
    expect(await submitted(["-"], '{"b":2}')).toEqual({ task: "generate", input: { b: 2 } });
    expect(await submitted(["--input", "-"], "[3]")).toEqual({ task: "generate", input: [3] });
  });
});

describe("doctor", () => {
  /** A service that answers as `health` says, for a key that may only submit. */
  function serving(checks: object) {
    const refused = {
      message: "No.",
      type: "permission_error",
      code: "forbidden",
      param: null,
      request_id: "r",
    };
    const claims = btoa(JSON.stringify({ project: "acme", key: "key_1" }));
    return answering(({ path, body }) => {
      if (path === "/health") return Response.json({ status: "degraded", version: "1.2.3", checks });
      const isSubmit = JSON.stringify(body).includes('"submit"');
      return isSubmit
        ? Response.json({ token: `a.${claims}.b`, expires_at: "" }, { status: 201 })
        : Response.json({ error: refused }, { status: 403 });
    });
  }

  it("names each dependency that is off, with its reason and what to do, and goes on", async () => {
    serving({
      objects: { ok: false, reason: "no bucket" },
      models: { ok: false, reason: "none" },
      events: { ok: true },
    });
    const { code, out } = await runProgram(["doctor"]);
    expect(code).toBe(1);
    expect(out).toMatch(/^FAIL {2}health {4}objects: no bucket\n {16}Is the R2 bucket there/m);
    expect(out).toMatch(/^FAIL {2}health {4}models: none\n {16}Set PROVIDERS/m);
    expect(out).toMatch(/^- {5}run /m);
  });

  it("tells project and scopes of a key, and what it cannot look at with it", async () => {
    serving({ database: { ok: true } });
    const { code, out } = await runProgram(["doctor"]);
    expect(code).toBe(0);
    expect(out).toContain("ok    access    a key of project acme: jobs:write\n");
    expect(out).toContain(
      "-     models    the key lacks jobs:read\n-     events    the key lacks jobs:read\n",
    );
    expect(out).not.toContain("errand_key");
  });
});

describe("watch", () => {
  const job = {
    id: "job_1",
    task: "generate",
    state: "running",
    reason: null,
    run: 1,
    attempt: 1,
    version: 2,
  };
  const shown = {
    ...job,
    progress: null,
    error: null,
    created_at: new Date().toISOString(),
    finished_at: null,
  };

  /** Server-sent events that never end. */
  function streaming(...frames: object[]): Response {
    const text = frames.map((frame) => `data: ${JSON.stringify(frame)}\n\n`).join("");
    const body = new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode(text)) });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }

  it("draws in place, and leaves the terminal as it was when it is stopped", async () => {
    answering(() => streaming({ type: "snapshot", cursor: "1", channel: "c", jobs: [shown] }));
    const leaving = new AbortController();
    const terminal = { isTty: true, columns: 60, signal: leaving.signal };
    const { printed, code } = start(["watch", "--channel", "c"], KEYED, terminal);
    await vi.waitFor(() => expect(printed.out).toContain("running"));
    leaving.abort(new Error("stopped"));
    expect(await code).toBe(130);
    expect(printed.out.startsWith("\u001b[?25l")).toBe(true);
    expect(printed.out.endsWith("\u001b[?25h")).toBe(true);
    expect(printed.out).toContain("\u001b[2A\r\u001b[J");
    expect(printed.err).toBe("");
  });

  it("prints a line for each change when nobody can see it drawn, and ends with its jobs", async () => {
    const completed = {
      type: "job.completed",
      job_id: "job_1",
      task: "generate",
      channel: null,
      at: shown.created_at,
    };
    const moved = {
      ...completed,
      version: 3,
      state: "completed",
      reason: null,
      run: 1,
      attempt: 1,
      error: null,
    };
    const frames = [
      { type: "snapshot", cursor: "1", job: shown },
      { ...moved, cursor: "2" },
    ];
    answering(() => streaming(...frames));
    const plain = await runProgram(["watch", "job_1"]);
    expect(plain).toEqual({ code: 0, out: "job_1 generate running\njob_1 generate completed\n", err: "" });
    answering(() => streaming(...frames));
    const lines = (await runProgram(["watch", "job_1", "--json"])).out.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).state)).toEqual(["running", "completed"]);
  });
});

// Inputs, outputs, doctor and watch, without a process.

import { afterEach, describe, expect, it, vi } from "vitest";
import { answering, KEYED, runProgram, start } from "../support/cli-program";

afterEach(() => void vi.unstubAllGlobals());

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

describe("the output of a job that is waited for", () => {
  it("is printed as its text; with JSON or tool calls in it, as a whole", async () => {
    const printed = async (output: object) => {
      answering(() => Response.json({ id: "job_1", state: "completed", output, output_url: null }));
      return (await runProgram(["submit", "generate", "--prompt", "a", "--wait"])).out;
    };
    expect(await printed({ text: "Tea.", reasoning: "Hm." })).toBe("Tea.\n");
    const calling = { text: "", tool_calls: [{ id: "c", name: "brew", arguments: "{}" }] };
    for (const output of [calling, { text: "[1]", json: [1] }])
      expect(JSON.parse(await printed(output))).toEqual(output);
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

// What the program prints where, and with which code it ends.

import { afterEach, describe, expect, it, vi } from "vitest";
import { COMMANDS } from "../../client/src/cli/commands";
import { widthOf } from "../../client/src/cli/width";
import { answering, KEYED, refusing, runProgram } from "../support/cli-program";

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

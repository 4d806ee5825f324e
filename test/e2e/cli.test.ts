// `npx errand` as a person or a script runs it: the packed client, a real process, a running Errand.

import { describe, expect, it } from "vitest";
import type { Job } from "../../client/src/index";
import { freePort } from "../../scripts/ports.mjs";
import { installed } from "../support/client-beside-server";
import type { Program } from "../support/client-package.mjs";

type Over = { variables?: Record<string, string>; input?: string };

function start(args: string[], { variables, input }: Over = {}): Program {
  const known = { ERRAND_URL: installed.server.url, ERRAND_KEY: installed.server.key };
  return installed.client.errand(args, { variables: { ...known, ...variables }, input });
}

const errand = (args: string[], over?: Over) => start(args, over).ended;

/** What is printed to stdout by a command that is fine. */
async function print(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await errand(args);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: expect.any(String) });
  return stdout;
}

/** The values that it prints with --json. */
async function printJson<T = Job>(...args: string[]): Promise<T[]> {
  const lines = (await print(...args, "--json")).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as T);
}

const modelled = (model: string) => JSON.stringify({ model: `sandbox/chat!${model}` });
const HELLO = ["generate", "--prompt", "Say hello.", "--input", modelled("reply=Hello")];
const FAILING = ["generate", "--prompt", "a", "--input", modelled("status=400")];
const SLOW = ["generate", "--prompt", "a", "--input", modelled("tokens=2000,tps=10")];

async function submit(...args: string[]): Promise<string> {
  const [id = "", state] = (await print("submit", ...args)).trim().split(" ");
  expect([id, state]).toEqual([expect.stringMatching(/^job_\w{26}$/), "pending"]);
  return id;
}

/** One that has ended so. */
async function ended(args: string[], code: number): Promise<string> {
  const id = await submit(...args);
  expect((await errand(["watch", id])).code).toBe(code);
  return id;
}

describe("submit", () => {
  it("prints id and state, or the job", async () => {
    await submit(...HELLO);
    const [job] = await printJson("submit", ...HELLO, "--channel", "c-submit", "--lane", "bulk");
    expect(job).toMatchObject({ object: "job", task: "generate", channel: "c-submit", lane: "bulk" });
  });

  it("waits, and prints the output alone: text as text, else JSON", async () => {
    const { code, stdout, stderr } = await errand(["submit", ...HELLO, "--wait"]);
    expect([code, stdout]).toEqual([0, "Hello\n"]);
    expect(stderr).toMatch(/^job_\w+ pending\n$/);
    const [job] = await printJson("submit", ...HELLO, "--wait");
    expect(job).toMatchObject({ state: "completed", output: { text: "Hello" } });
    const embedded = await errand(["submit", "embed", "-", "--wait"], { input: '{"input": "tea"}' });
    expect(JSON.parse(embedded.stdout)).toMatchObject({ dimensions: 256 });
  });

  it("of a job that fails ends with 1, and says where to look", async () => {
    const { code, stdout, stderr } = await errand(["submit", ...FAILING, "--wait"]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(
      /error {4}Job job_\w+ has failed: .*\(provider_bad_request\)\ndo {7}errand logs job_/,
    );
    const told = await errand(["submit", ...FAILING, "--wait", "--json"]);
    expect(JSON.parse(told.stdout)).toMatchObject({ state: "failed" });
  });
});

it("submit that waits leaves the job alone when it is stopped, and says how to go on", async () => {
  const waiting = start(["submit", ...SLOW, "--wait"]);
  await expect.poll(() => waiting.printed.stderr, { timeout: 20_000 }).toMatch(/^job_\w+ pending\n/);
  const id = waiting.printed.stderr.split(" ")[0] ?? "";
  waiting.interrupt();
  const { code, stdout, stderr } = await waiting.ended;
  expect([code, stdout]).toEqual([130, ""]);
  expect(stderr).toContain(`The job goes on: errand watch ${id}\n`);
  expect(await print("cancel", id)).toMatch(/ (cancelled|is being stopped)\n$/);
});

describe("watch", () => {
  it("prints a line for each change, and ends with its jobs: 1 when one has not completed", async () => {
    const [good, bad] = [await submit(...HELLO), await submit(...FAILING)];
    const { code, stdout } = await errand(["watch", good, bad]);
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`^${good} generate completed$`, "m"));
    expect(stdout).toMatch(new RegExp(`^${bad} generate failed provider_bad_request: `, "m"));
    const [last] = (await printJson("watch", good)).slice(-1);
    expect(last).toMatchObject({ id: good, state: "completed", attempt: 1 });
  });

  it.each([
    ["of a channel", ["--channel", "c-watch"]],
    ["of the project", []],
  ])("%s goes on until Ctrl-C, and then ends with 130 and nothing on stderr", async (_, what) => {
    const id = await submit(...SLOW, "--channel", "c-watch");
    const watching = start(["watch", ...what]);
    await expect.poll(() => watching.printed.stdout, { timeout: 20_000 }).toContain(`${id} generate running`);
    await print("cancel", id);
    await expect
      .poll(() => watching.printed.stdout, { timeout: 20_000 })
      .toContain(`${id} generate cancelled`);
    watching.interrupt();
    expect(await watching.ended).toMatchObject({ code: 130, signal: null, stderr: "" });
  });
});

it("logs tells the attempts with errors and usage, and what a job waits for", async () => {
  const failed = await ended(FAILING, 1);
  const told = await print("logs", failed);
  expect(told).toMatch(/^state {5}failed$/m);
  expect(told).toMatch(/^ {5}provider_bad_request: /m);
  const [job] = await printJson<Job & { explanation: unknown }>("logs", failed);
  expect(job).toMatchObject({ id: failed, attempts: [{ attempt: 1 }], explanation: null });
  const refused = await submit("generate", "--prompt", "a", "--input", modelled("status=429,retry_after=60"));
  const look = () => print("logs", refused);
  await expect
    .poll(look, { timeout: 20_000 })
    .toMatch(/^waits {5}Attempt 1 of \d+ failed \(provider_rate_limited\)/m);
  expect(await printJson("logs", refused)).toMatchObject([
    { explanation: { reason: "retrying", job_id: refused } },
  ]);
  await print("cancel", refused);
});

describe("retry and cancel", () => {
  it("of ids do each, print each, and end with 1 when one cannot be done", async () => {
    const [failed, slow] = [await ended(FAILING, 1), await submit(...SLOW)];
    expect(await print("retry", failed)).toBe(`${failed} pending\n`);
    const mixed = await errand(["cancel", slow, "job_nothing"]);
    expect([mixed.code, mixed.stdout.split(" ")[0]]).toEqual([1, slow]);
    expect(mixed.stderr).toMatch(/^job_nothing:\nerror {4}.*\(not_found\)\n(.*\n)*request {2}\S+\n$/);
    await errand(["watch", failed, slow]);
    expect(await printJson("retry", failed, slow)).toMatchObject([{ id: failed }, { id: slow }]);
    expect(await printJson("cancel", slow)).toMatchObject([{ id: slow, object: "job" }]);
  });

  it("of a filter follow the operation to its end", async () => {
    await ended([...FAILING, "--channel", "c-many"], 1);
    await ended([...FAILING, "--channel", "c-many"], 1);
    expect(await print("retry", "--filter", "state=failed,channel=c-many")).toBe("2 jobs started over\n");
    expect(await printJson("cancel", "--filter", "task=generate,channel=c-none")).toMatchObject([
      { object: "operation", action: "cancel", state: "completed", changed: 0 },
    ]);
  });
});

it("stats sums up usage by day and task, and shows the pools", async () => {
  await print("submit", ...HELLO, "--wait");
  const told = await print("stats");
  expect(told).toMatch(/^DAY +TASK +RUNS +IN +CACHED +OUT +HITS +COST\n/);
  expect(told).toMatch(/^\d{4}-\d\d-\d\d {2}generate +[1-9]/m);
  expect(told).toMatch(/^total /m);
  expect(told).toMatch(/^sandbox\/limited +ok /m);
  const [both] = await printJson<{ usage: object; pools: object[] }>("stats", "--by", "model");
  expect(both).toMatchObject({ usage: { object: "list" }, pools: [{ id: "sandbox/limited" }] });
});

it("keys are created, work, are listed and revoked", async () => {
  const { code, stdout, stderr } = await errand([
    "keys",
    "create",
    "default",
    "--name",
    "ci",
    "--scope",
    "jobs:read",
  ]);
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^errand_[0-9a-f]{64}\n$/)]);
  const id = /key_\w+/.exec(stderr)?.[0] ?? "";
  const variables = { ERRAND_KEY: stdout.trim() };
  expect((await errand(["stats"], { variables })).code).toBe(0);
  const refused = await errand(["submit", ...HELLO], { variables });
  expect([refused.code, refused.stdout]).toEqual([3, ""]);
  expect(refused.stderr).toContain("jobs:write");
  expect(await print("keys", "list", "default")).toMatch(new RegExp(`^${id} +ci +\\S+ +jobs:read +\\d`, "m"));
  expect(await printJson("keys", "list", "default")).toEqual([expect.objectContaining({ id, name: "ci" })]);
  expect(await print("keys", "revoke", "default", id)).toBe(`${id} revoked\n`);
  const [made] = await printJson<{ id: string; key: string }>("keys", "create", "default");
  expect(made).toMatchObject({ key: expect.stringMatching(/^errand_/), scopes: ["jobs:read", "jobs:write"] });
  expect(await printJson("keys", "revoke", "default", made?.id ?? "")).toMatchObject([{ revoked: true }]);
});

describe("doctor", () => {
  it("finds all well, with a job that runs from end to end", async () => {
    const told = await print("doctor", "--run");
    const checks = [...told.matchAll(/^ok {4}(\w+)/gm)].map(([, name]) => name);
    expect(checks).toEqual(["url", "service", "key", "access", "health", "models", "events", "run"]);
    expect(told).toContain("the root key of project default");
    const [found] = await printJson<{ ok: boolean; checks: { state: string }[] }>("doctor");
    expect([found?.ok, found?.checks.at(-1)?.state]).toEqual([true, "unchecked"]);
  });

  it("says what is wrong and what to do, and does not go on", async () => {
    const none = await errand(["doctor"], { variables: { ERRAND_URL: "" } });
    expect([none.code, none.stdout]).toEqual([2, expect.stringMatching(/^FAIL {2}url .*\n +Set ERRAND_URL/)]);
    const wrong = await errand(["doctor"], { variables: { ERRAND_KEY: "errand_wrong" } });
    expect([wrong.code, wrong.stdout]).toEqual([
      3,
      expect.stringMatching(/^FAIL {2}key .*\n +Set ERRAND_KEY/m),
    ]);
    expect(wrong.stdout).toMatch(/^- {5}run +not checked$/m);
    const away = await errand(["doctor", "--json"], { variables: { ERRAND_URL: await nobody() } });
    expect(away.code).toBe(3);
    const { ok, checks } = JSON.parse(away.stdout) as { ok: boolean; checks: { state: string }[] };
    expect([ok, ...checks.map(({ state }) => state)].slice(0, 4)).toEqual([
      false,
      "well",
      "wrong",
      "unchecked",
    ]);
  });
});

describe("the exit code", () => {
  it("is 2 for what cannot be understood, with words about it", async () => {
    const [unknown, option, noUrl, noKey] = await Promise.all([
      errand(["sumbit"]),
      errand(["stats", "--form", "x"]),
      errand(["stats"], { variables: { ERRAND_URL: "" } }),
      errand(["stats"], { variables: { ERRAND_KEY: "" } }),
    ]);
    expect([unknown, option, noUrl, noKey].map(({ code, stdout }) => [code, stdout])).toEqual(
      Array(4).fill([2, ""]),
    );
    expect(unknown.stderr).toContain('no command "sumbit"');
    expect(option.stderr).toContain("--form");
    expect(noUrl.stderr).toContain("Set ERRAND_URL");
    expect(noKey.stderr).toContain("Set ERRAND_KEY");
  });

  it("is 1 for what is not found, and for an input that does not fit, with field and request", async () => {
    expect((await errand(["logs", "job_nothing"])).code).toBe(1);
    expect((await errand(["watch", "job_nothing"])).code).toBe(1);
    const { code, stderr } = await errand(["submit", "generate", "--input", '{"prompt": 7}']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error {4}.*\nfield {4}input\.prompt\nrequest {2}[0-9a-f-]{36}\n$/);
  });

  it("is 3 for a key that is refused and a service that is away, without a stack", async () => {
    const [wrong, away] = await Promise.all([
      errand(["stats"], { variables: { ERRAND_KEY: "errand_wrong" } }),
      errand(["stats"], { variables: { ERRAND_URL: await nobody() } }),
    ]);
    expect([wrong.code, away.code]).toEqual([3, 3]);
    expect(wrong.stderr).toContain("Check ERRAND_KEY");
    expect(away.stderr).toContain("Is ERRAND_URL right");
    expect(wrong.stderr + away.stderr).not.toMatch(/\n\s+at /);
  });
});

it("help and version need neither url nor key", async () => {
  const variables = { ERRAND_URL: "", ERRAND_KEY: "" };
  const told = await Promise.all(
    [["--help"], ["help", "watch"], ["--version"]].map((args) => errand(args, { variables })),
  );
  expect(told.map(({ code, stderr }) => [code, stderr])).toEqual(Array(3).fill([0, ""]));
  expect(told[0]?.stdout).toContain("Exit codes");
  expect(told[1]?.stdout).toContain("errand watch --channel <name>");
  expect(told[2]?.stdout).toBe(`${installed.client.manifest.version}\n`);
});

/** An address at which nothing listens. */
async function nobody(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`;
}

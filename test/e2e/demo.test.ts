// npm run demo as a person runs it: what it shows, how it ends, and that it leaves nothing behind.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isPortFree } from "../../scripts/ports.mjs";
import { copyProject, listFolder, type Script, startScript, tempFolder } from "../support/project-copy.mjs";
import { type Provider, startProvider } from "../support/provider-server.mjs";

const USUAL_PORT = 8787;

const project = copyProject();
const temp = tempFolder();
let provider: Provider;
let usual: Provider | undefined;

beforeAll(async () => {
  provider = await startProvider();
  // The usual port is taken, by us or by somebody else: each demo has to find another one.
  if (await isPortFree(USUAL_PORT)) usual = await startProvider(USUAL_PORT);
});

afterAll(async () => {
  await provider.stop();
  await usual?.stop();
  project.remove();
  temp.remove();
});

/** The post is for a model of the local provider to write. */
function startDemo(model: string): Script {
  const models = [{ name: model, kind: "chat" }];
  const PROVIDERS = JSON.stringify([{ name: "local", base_url: provider.url, models }]);
  return startScript(project.root, "demo.mjs", [], { TMPDIR: temp.folder, PROVIDERS, DEFAULT_MODEL: "" });
}

describe("npm run demo", () => {
  it("shows every kind of job live and ends with 0, or with 1 and the reason when one has failed", async () => {
    const demo = startDemo("ok");
    const failing = startDemo("401");
    const { code } = await demo.ended;
    const text = demo.lines.join("\n");
    expect(code, text).toBe(0);
    expect(text).toMatch(/1 {2}Start[\s\S]*2 {2}Submit[\s\S]*3 {2}Watch[\s\S]*4 {2}Summary[\s\S]*5 {2}Go on/);
    expect(text).toContain("│ Jobs wait in line.");
    expect(text).toMatch(/✓ embedding +completed/);
    expect(text).toMatch(/✓ flaky job +completed at attempt 3/);
    expect(text).toMatch(/✓ bulk of 50 +█+ 50\/50/);
    expect(text).toMatch(/bulk of 50 .* 50 .* sandbox\/chat/);
    expect(text).toContain("npm run dev");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what a file or a pipe must not get.
    expect(text).not.toMatch(/[\u001b\r]/);
    expect(demo.lines.filter((line) => line.length > 80)).toEqual([]);

    expect((await failing.ended).code).toBe(1);
    expect(failing.lines.join("\n")).toMatch(/blog post \(job_\w+\) is failed: provider_auth/);
    expect(listFolder(temp.folder)).toEqual([]);
  });

  it("ends at once on Ctrl-C and leaves nothing behind", async () => {
    const demo = startDemo("ok");
    const service = await demo.untilLine(/^ +service +http/);
    await demo.untilLine(/3 {2}Watch/);
    demo.signal("SIGINT");
    expect((await demo.ended).code).toBe(130);
    expect(await isPortFree(Number(/:(\d+)/.exec(service)?.[1]))).toBe(true);
    expect(listFolder(temp.folder)).toEqual([]);
  });
});

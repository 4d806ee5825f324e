// npm run dev as a person runs it: what it prints, and that nothing is left when it ends.

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { startDev } from "../../scripts/dev-server.mjs";
import { freePort, isPortFree } from "../../scripts/ports.mjs";
import { copyProject, readText, startScript, tempFolder } from "../support/project-copy.mjs";

let project: { root: string; remove(): void };

beforeAll(() => {
  project = copyProject();
});
afterAll(() => project.remove());

async function startCommand(env: Record<string, string> = {}) {
  const port = await freePort();
  const args = ["--port", String(port), "--persist-to", `${project.root}/state`];
  const script = startScript(project.root, "dev.mjs", args, env);
  const ready = await script.untilLine(/^ready /);
  return { ...script, port, ready, url: `http://127.0.0.1:${port}` };
}

/** Resolves once nothing listens any more; the test's own time limit is the limit. */
async function portIsFree(port: number) {
  return expect.poll(() => isPortFree(port), { interval: 50, timeout: 5_000 }).toBe(true);
}

describe("npm run dev", () => {
  it("says ready when /health answers, with the key of .dev.vars, and ends cleanly on SIGTERM", async () => {
    const dev = await startCommand();
    expect(dev.ready).toBe(`ready ${dev.url}`);
    expect((await fetch(`${dev.url}/health`)).status).toBe(200);
    await dev.untilLine(/^model sandbox/);
    const key = (await dev.untilLine(/^key {3}/)).replace(/^key {3}/, "");
    expect(readText(`${project.root}/.dev.vars`)).toContain(`ROOT_KEY=${key}\n`);
    const authorization = `Bearer ${key}`;
    expect((await fetch(`${dev.url}/v1/projects`, { headers: { authorization } })).status).toBe(200);

    const second = startScript(project.root, "dev.mjs", ["--port", String(dev.port)]);
    expect((await second.ended).code).toBe(1);
    expect(second.lines.join("\n")).toContain(`Port ${dev.port} is already in use.`);

    dev.signal("SIGTERM");
    expect((await dev.ended).code).toBe(0);
    expect(await isPortFree(dev.port)).toBe(true);
  });

  it("takes its settings from the environment and leaves nothing behind even when killed with -9", async () => {
    const dev = await startCommand({ ROOT_KEY: "errand_root_from_env", OPENAI_API_KEY: "sk-$1'x" });
    await dev.untilLine(/^key {3}errand_root_from_env$/);
    await dev.untilLine(/^model openai$/);
    dev.signal("SIGKILL");
    await dev.ended;
    await portIsFree(dev.port);
  });

  it("shows no noise", async () => {
    const dev = await startCommand();
    await fetch(`${dev.url}/v1/nothing`);
    await dev.untilLine(/GET \/v1\/nothing 404/);
    dev.signal("SIGINT");
    expect((await dev.ended).code).toBe(0);
    const noise = dev.lines.filter((line) => /env\.|Binding|⎔|telemetry|\/health|wrangler:/.test(line));
    expect(noise).toEqual([]);
  });
});

describe("startDev", () => {
  it("runs two servers side by side on folders of their own and reads no .dev.vars", async () => {
    const { folder, remove } = tempFolder();
    onTestFinished(remove);
    const before = readText(".dev.vars");
    const [a, b] = await Promise.all(
      ["a", "b"].map((name) =>
        startDev({
          port: 0,
          persistTo: `${folder}/${name}`,
          env: { ROOT_KEY: `errand_root_of_server_${name}` },
          quiet: true,
        }),
      ),
    );
    const ask = (url = "", key = "") =>
      fetch(`${url}/v1/projects`, { headers: { authorization: `Bearer ${key}` } }).then(
        ({ status }) => status,
      );
    expect(await ask(a?.url, a?.key)).toBe(200);
    expect(await ask(b?.url, b?.key)).toBe(200);
    expect(await ask(a?.url, b?.key)).toBe(401);
    await Promise.all([a?.stop(), b?.stop()]);
    await expect(ask(a?.url, a?.key)).rejects.toThrow();
    expect(readText(".dev.vars")).toBe(before);
  });
});

// The examples that need no browser, each run as its README says, beside a running Errand.

import { afterAll, beforeAll, expect, it } from "vitest";
import { type DevServer, startDev } from "../../scripts/dev-server.mjs";
import { type Examples, installExamples } from "../support/examples.mjs";
import { tempFolder } from "../support/project-copy.mjs";

const state = tempFolder();
let server: DevServer;
let examples: Examples;

beforeAll(async () => {
  const starting = startDev({ port: 0, persistTo: state.folder, quiet: true });
  [server, examples] = await Promise.all([starting, installExamples()]);
});

afterAll(async () => {
  await server?.stop();
  examples?.remove();
  state.remove();
});

const node = (file: string, topic: string, model: string) =>
  examples.run("node", "node", [file, topic], {
    ERRAND_URL: server.url,
    ERRAND_KEY: server.key,
    ERRAND_MODEL: model,
  });

it("examples/node/run.mjs prints the output of a job, and the failure of one that fails", async () => {
  const answered = await node("run.mjs", "rain", "sandbox/chat!reply=Drops on the tin roof");
  expect(answered).toMatchObject({ code: 0, stdout: "Drops on the tin roof\n\n6 tokens in 1 try\n" });
  const failed = await node("run.mjs", "rain", "sandbox/chat!status=400");
  expect(failed.code).toBe(1);
  expect(failed.output).toMatch(/^job_\w+ has failed: /);
});

it("examples/node/stream.mjs prints the text as it comes, and how the job has ended", async () => {
  const told = await node("stream.mjs", "rain", "sandbox/chat!reply=Drops on the tin roof,tps=100");
  expect(told).toMatchObject({ code: 0, stdout: "Drops on the tin roof\n\ncompleted\n" });
  const again = await node("stream.mjs", "rain", "sandbox/chat!tokens=6,cut=2,times=1");
  expect(again.stdout).toMatch(/\n\n\(Once more:\)\n\n[\s\S]+\n\ncompleted\n$/);
});

it("examples/worker has a post written by Errand from a Worker of its own", async () => {
  const compiled = await examples.run("worker", "tsc", []);
  expect(compiled.code, compiled.output).toBe(0);
  const variables = {
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_REGISTRY_PATH: `${examples.folderOf("worker")}/registry`,
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
  };
  const given = [`--var=ERRAND_URL:${server.url}`, `--var=ERRAND_KEY:${server.key}`];
  const args = ["dev", "--ip=127.0.0.1", "--port=0", "--inspector-port=0", ...given];
  const worker = await examples.serve("worker", "wrangler", args, variables);
  const ordered = await fetch(`${worker.url}/posts`, {
    method: "POST",
    body: JSON.stringify({ topic: "rain" }),
  });
  expect(ordered.status).toBe(202);
  const address = worker.url + ordered.headers.get("location");
  const look = async () => (await fetch(address)).json();
  await expect
    .poll(look, { timeout: 20_000 })
    .toMatchObject({ state: "completed", error: null, text: expect.stringContaining("# Rain") });
  expect((await fetch(`${worker.url}/posts/job_none`)).status).toBe(404);
  await worker.stop();
});

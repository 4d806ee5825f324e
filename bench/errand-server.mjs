// Starts a fresh Errand for a measurement: local dev as `npm run dev` starts it, with empty data of its own.
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { startDev } from "../scripts/dev-server.mjs";
import { createClient } from "./http-client.mjs";
import { openListener } from "./listener.mjs";
import { sleep } from "./measure.mjs";

/** The model of the stand-in server, as jobs name it. */
export const MODEL = "bench/stand-in";

/** What the server said last is shown when a bench fails, but for what it says all the time. */
const SHOWN_LINES = 20;
const LINE_OF_SUCCESS = /"event":"run_ended"| (200|202) /;

/** The setting that makes the stand-in server (stand-in.mjs) a provider; `limits` as PROVIDERS takes them. */
export function providerOf(baseUrl, limits = {}) {
  const models = [{ name: "stand-in", kind: "chat", ...limits }];
  return JSON.stringify([{ name: "bench", base_url: baseUrl, models }]);
}

/**
 * `modelUrl`: base URL of a stand-in server; left out: the built-in sandbox only. `args`: more arguments of
 * wrangler dev. Returns what startDev does, and the `folder` of the data, which `stop` removes.
 */
export async function startErrand({ modelUrl, limits, args = [] } = {}) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "errand-bench-"));
  const drop = (code) => {
    if (code > 0) process.stderr.write(`${lines.join("\n")}\n`);
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", drop);
  const lines = [];
  const onLog = (line) => {
    if (!LINE_OF_SUCCESS.test(line)) lines.push(line);
    if (lines.length > SHOWN_LINES) lines.shift();
  };
  const env = modelUrl ? { PROVIDERS: providerOf(modelUrl, limits) } : {};
  const server = await startDev({ port: 0, persistTo: folder, env, args, onLog });
  const stop = async () => {
    await server.stop();
    process.removeListener("exit", drop);
    drop(0);
  };
  return { ...server, folder, stop };
}

/** A socket on a channel, opened with a token, as a browser would. */
export async function listenToChannel(server, channel) {
  const client = createClient(server);
  const { status, body } = await client.post("/v1/tokens", { channel, allow: ["read"], ttl_s: 3600 });
  client.close();
  if (status >= 300) throw new Error(`POST /v1/tokens answered ${status}: ${body}`);
  const { token } = JSON.parse(body);
  return openListener(`${server.url}/v1/events?channel=${channel}&token=${token}`);
}

/** Resolves when no job is pending or running. */
export async function waitUntilIdle(server) {
  const client = createClient(server);
  for (const state of ["pending", "running"]) {
    while (JSON.parse((await client.get(`/v1/jobs?state=${state}&limit=1`)).body).data.length > 0)
      await sleep(200);
  }
  client.close();
}

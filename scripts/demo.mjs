// npm run demo: starts the service here, submits real jobs over HTTP, and shows them live. Leaves nothing behind.
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { connect } from "./demo-client.mjs";
import { demoJobs } from "./demo-jobs.mjs";
import { createScreen, seconds } from "./demo-screen.mjs";
import { checkJobs, loadJobs, printSummary } from "./demo-summary.mjs";
import { createWatch } from "./demo-watch.mjs";
import { startDev } from "./dev-server.mjs";
import { describeModels, readDevVars } from "./dev-vars.mjs";
import { ensureInstalled, ROOT } from "./install.mjs";
import { main, startGroup } from "./processes.mjs";
import { dim, Problem } from "./terminal.mjs";

const CHANNEL = "demo-writer";

/** A fresh clone's first run may be on an old Node.js; the packages bring a new one. */
async function restart(env) {
  const script = fileURLToPath(import.meta.url);
  const { code } = await startGroup("node", [script], { env, stdio: "inherit" }).ended;
  process.exitCode = code;
}

/** What is set for `npm run dev` counts here too; the sandbox is on in any case, for the job that must fail. */
function settings() {
  const { ROOT_KEY, TOKEN_SECRET, ...file } = readDevVars(path.join(ROOT, ".dev.vars"));
  return { ...file, ...process.env, SANDBOX: "on" };
}

async function start(screen) {
  const persistTo = mkdtempSync(path.join(os.tmpdir(), "errand-demo-"));
  process.once("exit", () => rmSync(persistTo, { recursive: true, force: true }));
  screen.heading("Start");
  screen.setLive([dim("starting D1, R2, queues, objects and the Worker ...")]);
  const startedAt = performance.now();
  const server = await startDev({ env: settings(), persistTo, quiet: true });
  screen.setLive([]);
  screen.row("service", `${server.url}  ${dim(`ready in ${seconds(performance.now() - startedAt)}`)}`);
  screen.row("model", describeModels(server.variables));
  return server;
}

/** One socket for all jobs of the channel. A browser would hold such a token instead of the key. */
async function listen(screen, client, watch) {
  const ttlS = 900;
  const { token } = await client.post("/v1/tokens", { channel: CHANNEL, allow: ["read"], ttl_s: ttlS });
  await client.listen(`/v1/events?channel=${CHANNEL}`, token, watch.channel);
  screen.row("listening", `WebSocket, channel "${CHANNEL}", with a token for ${ttlS / 60} minutes`);
  return token;
}

/** Sends one job, or a bulk. The text of a job is in its stream, from the first word whenever one begins to read. */
async function submit(screen, client, watch, job, token) {
  const startedAt = performance.now();
  const answer = await client.post(job.path, job.body);
  const took = `${Math.round(performance.now() - startedAt)} ms`;
  const ids = answer.data?.map(({ id }) => id) ?? [answer.id];
  if (job.body.stream) {
    await client.listen(`/v1/jobs/${answer.id}/stream?offset=-1`, token, watch.stream(answer.id));
  }
  screen.row(job.label, `202 in ${took.padStart(6)}   ${dim(job.about)}`);
  watch.add(job, ids);
}

async function show(screen, server) {
  const client = connect(server);
  const watch = createWatch(screen);
  const hasProvider = server.variables.providers.length > 0;
  const token = await listen(screen, client, watch);
  screen.heading("Submit");
  for (const job of demoJobs(CHANNEL, hasProvider)) await submit(screen, client, watch, job, token);
  screen.heading("Watch");
  await watch.untilDone();
  screen.heading("Summary");
  const jobs = await loadJobs(client, watch.entries);
  printSummary(screen, jobs);
  screen.print();
  screen.print(dim(`${watch.frames} frames came over two WebSockets; nothing was polled.`));
  checkJobs(jobs, watch.text());
}

async function demo() {
  const screen = createScreen();
  screen.title("Errand", "background jobs for LLM apps, the whole service on this machine");
  const server = await start(screen);
  const stopped = server.ended.then(() => {
    throw new Problem("The service ended in the middle of the demo.");
  });
  stopped.catch(() => {}); // after the demo, its end is what is wanted
  await Promise.race([show(screen, server), stopped]);
  await server.stop();
  screen.heading("Go on");
  screen.row("npm run dev", "the same service, to stay, on http://127.0.0.1:8787");
  screen.row("/docs", "there: the API. Here: README.md, and docs/ for the rest");
  screen.print();
}

main(async () => {
  const env = await ensureInstalled();
  if (typeof WebSocket === "undefined") return restart(env);
  await demo();
});

// Bench: what it takes to submit a job.
//
// Method: a fresh local Errand; the client in this process on kept connections. Latency: 300 times POST
// /v1/jobs one after the other on one connection, from before the request until its 202 is read. Rate: 2,000
// of them over 32 connections. The job is bare: a prompt, no channel, key or tag. `runs at once` goes to the
// sandbox model, which answers without latency, so that submitting shares the one workerd thread with
// running; `held back` has delay_s 3600 and measures submitting alone. `GET /health` is the same server with
// nothing to do: what wrangler dev and the framework cost.
import { main } from "../scripts/processes.mjs";
import { startErrand, waitUntilIdle } from "./errand-server.mjs";
import { createClient, inLanes } from "./http-client.mjs";
import { now, percentile, printTable, readRuns, record, waitForQuiet } from "./measure.mjs";

const WARM_UP = 100;
const SINGLES = 300;
const BURST = 2_000;
const CONNECTIONS = 32;
const TIMEOUT_MS = 60_000;

const JOB = { task: "generate", input: { prompt: "Tea in Lisbon", model: "sandbox/chat" } };

const KINDS = {
  "held back": { expected: 202, send: (client) => client.post("/v1/jobs", { ...JOB, delay_s: 3_600 }) },
  "runs at once": { expected: 202, send: (client) => client.post("/v1/jobs", JOB), idle: waitUntilIdle },
  "GET /health": { expected: 200, send: (client) => client.get("/health") },
};

/** Times of `count` requests, and how many were answered in a second. */
async function load(server, kind, count, connections) {
  const client = createClient(server, connections);
  const times = [];
  const start = now();
  await inLanes({ count, width: connections, timeoutMs: TIMEOUT_MS }, async () => {
    const sentAt = now();
    const { status, body } = await kind.send(client);
    if (status !== kind.expected) throw new Error(`answered ${status}: ${body}`);
    times.push(now() - sentAt);
  });
  const perSecond = times.length / ((now() - start) / 1_000);
  client.close();
  return { times, perSecond };
}

async function measure(row, kind) {
  const server = await startErrand();
  try {
    await load(server, kind, WARM_UP, 4);
    await kind.idle?.(server);
    const others = await waitForQuiet();
    const single = await load(server, kind, SINGLES, 1);
    await kind.idle?.(server);
    const burst = await load(server, kind, BURST, CONNECTIONS);
    return {
      row,
      p50_ms: percentile(single.times, 0.5),
      p99_ms: percentile(single.times, 0.99),
      per_s: burst.perSecond,
      burst_p50_ms: percentile(burst.times, 0.5),
      burst_p99_ms: percentile(burst.times, 0.99),
      others_before: others,
    };
  } finally {
    await server.stop();
  }
}

async function bench() {
  const rows = [];
  for (let run = 1; run <= readRuns(); run++) {
    for (const [name, kind] of Object.entries(KINDS)) {
      const row = await measure(name, kind);
      record("submit", { run, ...row });
      rows.push(row);
    }
  }
  printTable("submit: POST /v1/jobs", rows, [
    ["p50_ms", "p50 ms"],
    ["p99_ms", "p99 ms"],
    ["per_s", `per s, ${CONNECTIONS} conn.`],
    ["burst_p50_ms", "p50 ms"],
    ["burst_p99_ms", "p99 ms"],
  ]);
}

main(bench);

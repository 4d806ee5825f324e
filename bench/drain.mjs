// Bench: how fast 2,000 jobs are through, from the first submit to the last notification.
//
// Method: a fresh local Errand for each row, 200 jobs to warm up. 2,000 generate jobs on one channel for a
// stand-in model server (a process of its own) that streams 16 tokens, at once or over 200 ms; submitted as
// two bulk calls of 1,000, or one by one over 50 connections (as in the peers' throughput-0 and
// throughput-200). jobs/s = jobs / (time from before the first submit until the socket on the channel has
// told the last job.completed). Errand sets no limit to how many run at a time here; `at a time` is the most
// calls that the model server saw open at once.
import { main } from "../scripts/processes.mjs";
import { listenToChannel, MODEL, startErrand } from "./errand-server.mjs";
import { createClient, inLanes } from "./http-client.mjs";
import { now, percentile, printTable, readRuns, record, waitForQuiet } from "./measure.mjs";
import { startStandIn } from "./stand-in-process.mjs";

const WARM_UP = 200;
const JOBS = 2_000;
const BULK_CALL = 1_000;
const CONNECTIONS = 50;
const TIMEOUT_MS = 120_000;
const CHANNEL = "bench";

const PROMPT =
  "Name the product that this support ticket is about: the export of my monthly report stops half-way.";
const JOB = { task: "generate", channel: CHANNEL, input: { prompt: PROMPT, model: MODEL } };

async function checkedPost(client, path, body) {
  const answer = await client.post(path, body);
  if (answer.status !== 202) throw new Error(`POST ${path} answered ${answer.status}: ${answer.body}`);
}

const WAYS = {
  bulk: async (client, count, acks) => {
    for (let i = 0; i < count; i += BULK_CALL) {
      const sentAt = now();
      await checkedPost(client, "/v1/jobs/bulk", { jobs: Array(Math.min(BULK_CALL, count - i)).fill(JOB) });
      acks.push(now() - sentAt);
    }
  },
  "one by one": async (client, count, acks) => {
    await inLanes({ count, width: CONNECTIONS, timeoutMs: TIMEOUT_MS }, async () => {
      const sentAt = now();
      await checkedPost(client, "/v1/jobs", JOB);
      acks.push(now() - sentAt);
    });
  },
};

async function load({ server, listener, way, count }) {
  const client = createClient(server, CONNECTIONS);
  const acks = [];
  listener.ends.clear();
  const start = now();
  await WAYS[way](client, count, acks);
  const submittedMs = now() - start;
  await listener.until((ends) => ends.size >= count, TIMEOUT_MS);
  client.close();
  const ends = [...listener.ends.values()];
  const last = Math.max(...ends.map(({ at }) => at));
  const completed = ends.filter(({ type }) => type === "job.completed").length;
  return { acks, submittedMs, completed, seconds: (last - start) / 1_000 };
}

async function measure(standIn, way, latencyMs) {
  const server = await startErrand({ modelUrl: standIn.baseUrl });
  try {
    const listener = await listenToChannel(server, CHANNEL);
    await standIn.reset(Math.min(latencyMs, 20));
    await load({ server, listener, way: "one by one", count: WARM_UP });
    const others = await waitForQuiet();
    await standIn.reset(latencyMs);
    const { acks, submittedMs, completed, seconds } = await load({ server, listener, way, count: JOBS });
    const { calls, max_concurrent } = await standIn.log();
    listener.close();
    return {
      row: `${latencyMs} ms, ${way}`,
      jobs_per_s: completed / seconds,
      completed,
      twice: Object.values(calls).filter((call) => call.calls > 1).length,
      at_a_time: max_concurrent,
      submitted_per_s: JOBS / (submittedMs / 1_000),
      ack_p50_ms: percentile(acks, 0.5),
      ack_p99_ms: percentile(acks, 0.99),
      others_before: others,
    };
  } finally {
    await server.stop();
  }
}

async function bench() {
  const standIn = await startStandIn();
  const rows = [];
  for (let run = 1; run <= readRuns(); run++) {
    for (const latencyMs of [0, 200]) {
      for (const way of Object.keys(WAYS)) {
        const row = await measure(standIn, way, latencyMs);
        record("drain", { run, ...row });
        rows.push(row);
      }
    }
  }
  await standIn.stop();
  printTable(`drain: ${JOBS} jobs`, rows, [
    ["jobs_per_s", "jobs/s"],
    ["completed", "completed"],
    ["twice", "called twice"],
    ["at_a_time", "at a time"],
    ["submitted_per_s", "submitted/s"],
    ["ack_p50_ms", "202 p50 ms"],
    ["ack_p99_ms", "p99 ms"],
  ]);
}

main(bench);

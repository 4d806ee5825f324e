// Bench: how long news takes to reach 10, 100 and 1,000 WebSockets.
//
// Method: a fresh local Errand. `events`: the sockets are on one channel; every 500 ms a job of that channel is
// submitted, 30 in all, for a stand-in model server (a process of its own) that takes 100 ms. Each job has three
// events: submitted, started, completed. `sent` = arrival at a socket - the event's `at`; `first` = arrival at a
// socket - arrival at the first of them. `stream`: the sockets read the stream of one job, whose 400 tokens come one
// each 20 ms and say when they were sent; a run gathers what it says for up to 100 ms, which is part of `sent`.
// The sockets are held by a process of its own (fanout-reader.mjs) with a lean client without compression, which
// parses each frame, and are all open before the first news; `reader busy` is the share of the time that it worked: well below 1, or it was the bottleneck.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { main } from "../scripts/processes.mjs";
import { MODEL, startErrand, waitUntilIdle } from "./errand-server.mjs";
import { createClient } from "./http-client.mjs";
import { now, printTable, readRuns, record, sleep, waitForQuiet } from "./measure.mjs";
import { startStandIn } from "./stand-in-process.mjs";

const SIZES = [10, 100, 1_000];
const JOBS = 30;
const EVENTS_OF_A_JOB = 3;
const JOB_EVERY_MS = 500;
const LATENCY_MS = 100;
const TOKENS = 400;
const TOKEN_EVERY_MS = 20;
const WARM_UP = 30;
const TIMEOUT_MS = 30_000;

const READER = fileURLToPath(new URL("./fanout-reader.mjs", import.meta.url));

const job = (more) => ({ task: "generate", input: { prompt: "Tea in Lisbon", model: MODEL }, ...more });

function startReader() {
  const child = fork(READER);
  return {
    ask: (ask, settings) =>
      new Promise((resolve, reject) => {
        child.once("message", ({ answer, error }) => (error ? reject(new Error(error)) : resolve(answer)));
        child.send({ ask, ...settings });
      }),
    stop: () => child.disconnect(),
  };
}

async function submit(client, body) {
  const answer = await client.post("/v1/jobs", body);
  if (answer.status !== 202) throw new Error(`POST /v1/jobs answered ${answer.status}: ${answer.body}`);
  return JSON.parse(answer.body).id;
}

/** `[now, now + every, …]`: the next one does not wait for the one before it. */
async function atPace(count, everyMs, work) {
  const startedAt = now();
  const all = [];
  for (let i = 0; i < count; i++) {
    await sleep(Math.max(0, startedAt + i * everyMs - now()));
    all.push(work());
  }
  await Promise.all(all);
}

async function readEvents({ standIn, errand, client, reader }, sockets) {
  const channel = `fanout-${sockets}`;
  await standIn.reset(LATENCY_MS);
  const server = { url: errand.url, key: errand.key };
  const path = `/v1/events?channel=${channel}`;
  const { openMs } = await reader.ask("open", { server, path, kind: "events", sockets });
  await atPace(JOBS, JOB_EVERY_MS, () => submit(client, job({ channel })));
  const expected = JOBS * EVENTS_OF_A_JOB * sockets;
  const figures = await reader.ask("report", { expected, timeoutMs: TIMEOUT_MS });
  return { row: `events, ${sockets} sockets`, expected, open_ms: openMs, ...figures };
}

async function readStream({ standIn, errand, client, reader }, sockets) {
  await standIn.reset(0, { pace: { first_ms: null, every_ms: TOKEN_EVERY_MS, tokens: TOKENS } });
  const id = await submit(client, job({ stream: true }));
  const server = { url: errand.url, key: errand.key };
  const path = `/v1/jobs/${id}/stream?offset=-1`;
  const { openMs } = await reader.ask("open", { server, path, kind: "stream", sockets });
  await standIn.begin();
  const expected = TOKENS * sockets;
  const timeoutMs = TOKENS * TOKEN_EVERY_MS + TIMEOUT_MS;
  const figures = await reader.ask("report", { expected, timeoutMs });
  return { row: `stream, ${sockets} sockets`, expected, open_ms: openMs, ...figures };
}

async function measure(standIn) {
  const errand = await startErrand({ modelUrl: standIn.baseUrl });
  const client = createClient(errand, 4);
  const reader = startReader();
  try {
    await atPace(WARM_UP, 20, () => submit(client, job()));
    await waitUntilIdle(errand);
    const others = await waitForQuiet();
    const rows = [];
    for (const read of [readEvents, readStream]) {
      for (const sockets of SIZES) {
        const row = await read({ standIn, errand, client, reader }, sockets);
        if (row.heard !== row.expected)
          throw new Error(`${row.row}: ${row.heard} of ${row.expected} were heard.`);
        await waitUntilIdle(errand);
        rows.push({ ...row, others_before: others });
      }
    }
    return rows;
  } finally {
    reader.stop();
    client.close();
    await errand.stop();
  }
}

async function bench() {
  const standIn = await startStandIn();
  const rows = [];
  for (let run = 1; run <= readRuns(); run++) {
    for (const row of await measure(standIn)) {
      record("fanout", { run, ...row });
      rows.push(row);
    }
  }
  await standIn.stop();
  printTable("fanout: news and tokens on their way to every socket, in ms", rows, [
    ["sent_p50_ms", "sent p50"],
    ["sent_p99_ms", "p99"],
    ["sent_max_ms", "most"],
    ["first_p50_ms", "first p50"],
    ["first_p99_ms", "p99"],
    ["open_ms", "all open after"],
    ["reader_busy", "reader busy"],
  ]);
}

main(bench);

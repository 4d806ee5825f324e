// Bench: how much time Errand adds to a model call, from submit to notified.
//
// Method: a WebSocket on the channel is open; 100 jobs go in one by one, 20 to 120 ms apart, each for a
// stand-in model server (a process of its own) that streams its answer over 200 ms. t0: before POST /v1/jobs.
// The stand-in notes when the job's call came and when its answer was all sent. t2: the socket has told
// job.completed. All by CLOCK_MONOTONIC. `submit -> model` = received - t0, `model -> told` = t2 - answered,
// `total` = (t2 - t0) - the time inside the stand-in. In turns with it, one job each, runs the bare pipeline
// (bare/worker.mjs): POST -> queue -> model -> object -> socket, no database, no checks. What the machine
// does besides hits both, so the ratio is firm where the times are not.
import { main } from "../scripts/processes.mjs";
import { listenToChannel, MODEL, startErrand } from "./errand-server.mjs";
import { createClient } from "./http-client.mjs";
import { openListener } from "./listener.mjs";
import { now, percentile, printTable, readRuns, record, sleep, waitForQuiet } from "./measure.mjs";
import { startStandIn } from "./stand-in-process.mjs";

const WARM_UP = 30;
const JOBS = 100;
const LATENCY_MS = 200;
const JOB_TIMEOUT_MS = 10_000;
const CHANNEL = "bench";

const PROMPT =
  "Name the product that this support ticket is about: the export of my monthly report stops half-way.";

/** What is measured: how to submit, and where the ends are told. */
async function openSystems(standIn, servers) {
  const errand = await startErrand({ modelUrl: standIn.baseUrl });
  servers.push(errand);
  const bare = await startErrand({ modelUrl: standIn.baseUrl, args: ["--config=bench/bare/wrangler.toml"] });
  servers.push(bare);
  return [
    {
      name: "errand",
      client: createClient(errand),
      body: { task: "generate", channel: CHANNEL, input: { prompt: PROMPT, model: MODEL } },
      listener: await listenToChannel(errand, CHANNEL),
    },
    {
      name: "bare pipeline",
      client: createClient(bare),
      body: { prompt: PROMPT },
      listener: await openListener(`${bare.url}/v1/events`),
    },
  ];
}

async function runOne({ client, body, listener }) {
  const t0 = now();
  const answer = await client.post("/v1/jobs", body);
  const t1 = now();
  if (answer.status !== 202) throw new Error(`answered ${answer.status}: ${answer.body}`);
  const { id } = JSON.parse(answer.body);
  await listener.until((ends) => ends.has(id), JOB_TIMEOUT_MS);
  const end = listener.ends.get(id);
  if (end?.type !== "job.completed") throw new Error(`Job ${id}: ${end?.type ?? "its end was not told"}.`);
  return { id, t0, t1, t2: end.at };
}

async function runInTurns(systems, count) {
  const jobs = new Map(systems.map((system) => [system, []]));
  for (let i = 0; i < count; i++) {
    for (const system of systems) {
      jobs.get(system).push(await runOne(system));
      await sleep(20 + Math.random() * 100);
    }
  }
  return jobs;
}

function figures(row, jobs, calls) {
  const parts = jobs.map(({ id, t0, t1, t2 }) => {
    const { received, answered } = calls[id];
    return {
      ack: t1 - t0,
      before: received - t0,
      after: t2 - answered,
      total: t2 - t0 - (answered - received),
    };
  });
  const of = (name, share) =>
    percentile(
      parts.map((part) => part[name]),
      share,
    );
  return {
    row,
    jobs: jobs.length,
    to_model_p50_ms: of("before", 0.5),
    to_model_p99_ms: of("before", 0.99),
    to_told_p50_ms: of("after", 0.5),
    to_told_p99_ms: of("after", 0.99),
    total_p50_ms: of("total", 0.5),
    total_p99_ms: of("total", 0.99),
    ack_p50_ms: of("ack", 0.5),
    ack_p99_ms: of("ack", 0.99),
  };
}

async function measure() {
  const standIn = await startStandIn();
  const servers = [];
  try {
    const systems = await openSystems(standIn, servers);
    await standIn.reset(20);
    await runInTurns(systems, WARM_UP);
    const others = await waitForQuiet();
    await standIn.reset(LATENCY_MS);
    const jobs = await runInTurns(systems, JOBS);
    const { calls } = await standIn.log();
    for (const { client, listener } of systems) {
      client.close();
      listener.close();
    }
    const rows = systems.map((system) => ({
      ...figures(system.name, jobs.get(system), calls),
      others_before: others,
    }));
    const [errand, bare] = rows;
    return [...rows, { row: "ratio", total_p50_ms: errand.total_p50_ms / bare.total_p50_ms }];
  } finally {
    await Promise.all([standIn, ...servers].map((server) => server.stop()));
  }
}

async function bench() {
  const rows = [];
  for (let run = 1; run <= readRuns(); run++) {
    for (const row of await measure()) {
      record("overhead", { run, ...row });
      rows.push(row);
    }
  }
  printTable(`overhead: submit -> told, less the model's ${LATENCY_MS} ms, in ms`, rows, [
    ["to_model_p50_ms", "submit->model p50"],
    ["to_model_p99_ms", "p99"],
    ["to_told_p50_ms", "model->told p50"],
    ["to_told_p99_ms", "p99"],
    ["total_p50_ms", "total p50"],
    ["total_p99_ms", "p99"],
    ["ack_p50_ms", "202 p50"],
    ["ack_p99_ms", "p99"],
  ]);
}

main(bench);

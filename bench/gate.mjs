// Bench: the gate against a provider that enforces its limits.
//
// Method: a fresh local Errand for each row; a stand-in model server (a process of its own) that enforces
// requests and tokens a minute as buckets, tells them in x-ratelimit headers (or not), takes 500 ms for an
// answer, and charges each call what it uses: 20 tokens and an answer of 50 to 150. The jobs are submitted in bulk
// calls of 1,000 and told over one socket. `used` is the share of the allowed tokens (or requests, whichever
// binds) that was used in each full minute after the first; `429s` are calls that the provider refused.
// `added` is what the gate costs a job that need not wait: submit to told, one by one, with a limit that is far
// away, less the same without a limit; medians of 200 each, taken in turns.
import { main } from "../scripts/processes.mjs";
import { listenToChannel, MODEL, startErrand } from "./errand-server.mjs";
import { createClient } from "./http-client.mjs";
import { now, percentile, printTable, readRuns, record, waitForQuiet } from "./measure.mjs";
import { startStandIn } from "./stand-in-process.mjs";

const CHANNEL = "bench";
const BULK_CALL = 1_000;
const LATENCY_MS = 500;
const ANSWER_TOKENS = 100;
const MINUTES = 2;
const ONE_BY_ONE = 200;

const PROMPT =
  "Name the product that this support ticket is about: the export of my monthly report stops half-way.";
const JOB = { task: "generate", channel: CHANNEL, input: { prompt: PROMPT, model: MODEL } };

const ROWS = [
  { row: "requests bind: 600 RPM", limits: { rpm: 600, tpm: 600_000 }, jobs: 600 * (MINUTES + 1) },
  { row: "tokens bind: 60,000 TPM", limits: { rpm: 6_000, tpm: 60_000 }, jobs: 500 * (MINUTES + 1) },
  {
    row: "tokens bind, nothing announced",
    limits: { rpm: 6_000, tpm: 60_000 },
    announces: false,
    jobs: 500 * (MINUTES + 1),
  },
];

async function submit(server, count) {
  const client = createClient(server);
  for (let i = 0; i < count; i += BULK_CALL) {
    const jobs = Array(Math.min(BULK_CALL, count - i)).fill({ ...JOB, lane: "bulk" });
    const { status, body } = await client.post("/v1/jobs/bulk", { jobs });
    if (status !== 202) throw new Error(`POST /v1/jobs/bulk answered ${status}: ${body}`);
  }
  client.close();
}

/** The share of what is allowed that was used in each full minute but the first: of tokens or requests, whichever binds. */
function sharesUsed({ tokens_by_second, calls_by_second }, { rpm, tpm }) {
  const inMinute = (counts, minute) =>
    counts.slice(minute * 60, minute * 60 + 60).reduce((sum, one) => sum + one, 0);
  const minutes = Math.floor(tokens_by_second.length / 60);
  return Array.from({ length: minutes }, (_, minute) =>
    Math.max(inMinute(tokens_by_second, minute) / tpm, inMinute(calls_by_second, minute) / rpm),
  ).slice(1);
}

async function fill(standIn, { row, limits, announces = true, jobs }) {
  const server = await startErrand({ modelUrl: standIn.baseUrl, limits });
  try {
    const listener = await listenToChannel(server, CHANNEL);
    const others = await waitForQuiet();
    await standIn.reset(LATENCY_MS, { answer_tokens: ANSWER_TOKENS, limits: { ...limits, announces } });
    const startedAt = now();
    await submit(server, jobs);
    await listener.until((ends) => ends.size >= jobs, (MINUTES + 3) * 60_000);
    const seconds = (now() - startedAt) / 1_000;
    const completed = [...listener.ends.values()].filter(({ type }) => type === "job.completed").length;
    const seen = await standIn.limits();
    listener.close();
    const shares = sharesUsed(seen, limits);
    return {
      row,
      completed,
      seconds,
      used_least: Math.min(...shares),
      used_most: Math.max(...shares),
      refused: seen.refused,
      others_before: others,
    };
  } finally {
    await server.stop();
  }
}

/** Submit to told, one by one, on two servers in turns: what differs is the gate. */
async function cost(standIn) {
  const servers = [
    await startErrand({ modelUrl: standIn.baseUrl }),
    await startErrand({ modelUrl: standIn.baseUrl, limits: { rpm: 1_000_000, concurrency: 1_000 } }),
  ];
  try {
    await standIn.reset(0);
    const sides = [];
    for (const server of servers) {
      sides.push({
        client: createClient(server),
        listener: await listenToChannel(server, CHANNEL),
        took: [],
      });
    }
    for (let i = 0; i < ONE_BY_ONE + 20; i++) {
      for (const { client, listener, took } of sides) {
        const sentAt = now();
        listener.ends.clear();
        const { body } = await client.post("/v1/jobs", JOB);
        const { id } = JSON.parse(body);
        await listener.until((ends) => ends.has(id), 10_000);
        if (i >= 20) took.push(listener.ends.get(id).at - sentAt);
      }
    }
    const [without, with_] = sides.map(({ took }) => percentile(took, 0.5));
    for (const { client, listener } of sides) {
      client.close();
      listener.close();
    }
    return {
      row: "one by one, far from the limit",
      without_ms: without,
      with_ms: with_,
      added_ms: with_ - without,
    };
  } finally {
    for (const server of servers) await server.stop();
  }
}

async function bench() {
  const standIn = await startStandIn();
  const rows = [];
  const costs = [];
  for (let run = 1; run <= readRuns(); run++) {
    costs.push(await cost(standIn));
    record("gate", { run, ...costs.at(-1) });
    for (const one of ROWS) {
      const row = await fill(standIn, one);
      record("gate", { run, ...row });
      rows.push(row);
    }
  }
  await standIn.stop();
  printTable("gate: what it costs a job that need not wait", costs, [
    ["without_ms", "no limit p50 ms"],
    ["with_ms", "limit p50 ms"],
    ["added_ms", "added ms"],
  ]);
  printTable(`gate: ${MINUTES} minutes at the limit`, rows, [
    ["completed", "completed"],
    ["seconds", "s"],
    ["used_least", "used, least"],
    ["used_most", "most"],
    ["refused", "429s"],
  ]);
}

main(bench);

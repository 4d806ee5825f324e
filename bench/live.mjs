// Bench: how long a reader waits for the first token and between tokens, through Errand and without it.
//
// Method: a stand-in model server (a process of its own) sends the first token 50 ms after a call and then one
// each 20 ms; each token is the time at which it was sent. Calls go to it directly, through POST /v1/generate, and
// through a job with `stream: true` that is submitted and then read over server-sent events or a WebSocket, and
// through a Worker that does nothing but pass the call on, in turns: what the machine does besides hits all of them. The clock starts before the first request is sent; a
// token has arrived when the reader has parsed it. `first` = arrival of the first token - start. `added` = a
// percentile of `first` less the same of the direct calls. `asked` = when the model was asked - start. `gap` =
// time between the arrivals of two tokens, 0 for two that came together. `behind` = arrival - the time the token
// says. First tokens come of short answers (5 tokens), the rest of long ones (200), so that an answer is stored
// while it is written.
import { main } from "../scripts/processes.mjs";
import { startErrand } from "./errand-server.mjs";
import { openWays } from "./live-ways.mjs";
import { percentile, printTable, readRuns, record, sleep, waitForQuiet } from "./measure.mjs";
import { startStandIn } from "./stand-in-process.mjs";

const FIRST_MS = 50;
const EVERY_MS = 20;
const SHORT = { tokens: 5, rounds: { 1: 80, 5: 30 } };
const LONG = { tokens: 200, rounds: { 1: 2, 5: 2 } };
const WARM_UP = 5;

const SHARES = { p50: 0.5, p95: 0.95, p99: 0.99 };

/** The readings of each way. */
async function readInTurns(ways, { atOnce, rounds, tokens }) {
  const readings = new Map(ways.map((way) => [way, []]));
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) {
      const some = await Promise.all(Array.from({ length: atOnce }, () => way.read()));
      for (const reading of some)
        if (reading.tokens.length !== tokens)
          throw new Error(`${way.name}: ${reading.tokens.length} of ${tokens} tokens came.`);
      readings.get(way).push(...some);
      await sleep(20 + Math.random() * 40);
    }
  }
  return readings;
}

const gapsOf = ({ tokens }) => tokens.slice(1).map(({ at }, i) => at - tokens[i].at);

/** Percentiles of the values, under names that begin with this one. */
function spread(name, values) {
  return Object.fromEntries(
    Object.entries(SHARES).map(([label, share]) => [`${name}_${label}_ms`, percentile(values, share)]),
  );
}

async function measure(standIn, ways, atOnce, others) {
  const read = async ({ tokens, rounds }) => {
    await standIn.reset(0, { pace: { first_ms: FIRST_MS, every_ms: EVERY_MS, tokens } });
    return readInTurns(ways, { atOnce, rounds: rounds[atOnce], tokens });
  };
  const short = await read(SHORT);
  const long = await read(LONG);
  const rows = ways.map((way) => ({
    row: `${atOnce} at once: ${way.name}`,
    calls: short.get(way).length,
    ...spread(
      "first",
      short.get(way).map(({ startedAt, tokens }) => tokens[0].at - startedAt),
    ),
    ...spread(
      "asked",
      short.get(way).map(({ startedAt, tokens }) => tokens[0].sentAt - FIRST_MS - startedAt),
    ),
    ...spread("gap", long.get(way).flatMap(gapsOf)),
    ...spread(
      "behind",
      long.get(way).flatMap(({ tokens }) => tokens.map(({ sentAt, at }) => at - sentAt)),
    ),
    others_before: others,
  }));
  const [direct] = rows;
  return rows.map((row) => ({
    ...row,
    added_p50_ms: row.first_p50_ms - direct.first_p50_ms,
    added_p95_ms: row.first_p95_ms - direct.first_p95_ms,
  }));
}

async function bench() {
  const standIn = await startStandIn();
  const rows = [];
  for (let run = 1; run <= readRuns(); run++) {
    const bare = await startErrand({
      modelUrl: standIn.baseUrl,
      args: ["--config=bench/bare/wrangler.toml"],
    });
    const errand = await startErrand({ modelUrl: standIn.baseUrl });
    const { ways, close } = openWays(standIn, bare, errand);
    try {
      await standIn.reset(0, { pace: { first_ms: 10, every_ms: 1, tokens: 5 } });
      await readInTurns(ways, { atOnce: 5, rounds: WARM_UP, tokens: 5 });
      const others = await waitForQuiet();
      for (const atOnce of [1, 5]) {
        for (const row of await measure(standIn, ways, atOnce, others)) {
          record("live", { run, ...row });
          rows.push(row);
        }
      }
    } finally {
      close();
      await Promise.all([bare.stop(), errand.stop()]);
    }
  }
  await standIn.stop();
  printTable(`live: the first token, which the provider sends after ${FIRST_MS} ms, in ms`, rows, [
    ["calls", "calls"],
    ["first_p50_ms", "first p50"],
    ["first_p95_ms", "p95"],
    ["first_p99_ms", "p99"],
    ["added_p50_ms", "added p50"],
    ["added_p95_ms", "p95"],
    ["asked_p50_ms", "asked p50"],
  ]);
  printTable(`live: the tokens after it, one each ${EVERY_MS} ms, in ms`, rows, [
    ["gap_p50_ms", "gap p50"],
    ["gap_p95_ms", "p95"],
    ["gap_p99_ms", "p99"],
    ["behind_p50_ms", "behind p50"],
    ["behind_p95_ms", "p95"],
    ["behind_p99_ms", "p99"],
  ]);
}

main(bench);

// Bench: what piles up while Errand works, hour after hour.
//
// Method: a fresh local Errand with its default settings, under a constant load (soak-load.mjs: by default 20
// jobs a second of all kinds, with reads, cancels, erasures and sockets that come and go) for --minutes, 20 by
// default. Every minute: the heap of the Worker's isolate after a forced collection (inspector protocol), the
// resident memory of its workerd, the rows of every table of D1 and of every hub, and their bytes on the disk.
// In the end the load stops, and what is open is waited for. Slopes are least squares over the minutes after
// the warm-up, the first fifth. All objects and both roles share the one isolate, so its heap is that of all of
// them. Ends with exit code 1 when a table holds what it should not.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { freePort } from "../scripts/ports.mjs";
import { main } from "../scripts/processes.mjs";
import { say } from "../scripts/terminal.mjs";
import { findWorkerd } from "../test/support/crash.mjs";
import { startErrand, waitUntilIdle } from "./errand-server.mjs";
import { openInspector } from "./inspector.mjs";
import { now, printTable, record, sleep, waitForQuiet } from "./measure.mjs";
import { startLoad, WAIT_S } from "./soak-load.mjs";
import { startStandIn } from "./stand-in-process.mjs";
import { readState } from "./state-files.mjs";

const MINUTE_MS = 60_000;
const MODEL_MS = 200;
const RING_ROWS = 1_000;
const MB = 1_000_000;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "20" },
    rate: { type: "string", default: "20" },
    runs: { type: "string" },
  },
});
const minutes = Number(values.minutes);
const rate = Number(values.rate);

/** Of the workerd that runs the Worker; nothing on systems without /proc. */
function residentBytes(group) {
  const [pid] = findWorkerd(group);
  const status = /VmRSS:\s*(\d+) kB/.exec(pid ? readFileSync(`/proc/${pid}/status`, "utf8") : "");
  return status ? Number(status[1]) * 1_024 : undefined;
}

const most = (databases, table) => Math.max(0, ...databases.map((rows) => rows[table] ?? 0));

async function measure({ server, inspector, load, minute }) {
  const { usedBytes, bufferBytes } = await inspector.heap();
  const { d1, hubs, clock, objects } = readState(server.folder);
  const tables = d1.databases[0] ?? {};
  return {
    row: `minute ${minute}`,
    minute,
    posted: load.counts.posted,
    frames: load.counts.frames,
    heap_mb: usedBytes / MB,
    buffers_mb: bufferBytes / MB,
    rss_mb: residentBytes(server.pid) / MB,
    d1_mb: d1.bytes / MB,
    hubs: hubs.databases.length,
    ring_most: most(hubs.databases, "ring"),
    objects_mb: (hubs.bytes + clock.bytes) / MB,
    r2_mb: objects.bytes / MB,
    tables,
  };
}

/** Megabytes per hour in words, by least squares over what comes after the warm-up. */
function slope(samples, key) {
  const points = samples.slice(Math.ceil(samples.length / 5)).map((one) => [one.minute / 60, one[key]]);
  if (points.length < 3) return "too few minutes for a slope";
  const mean = (i) => points.reduce((sum, point) => sum + point[i], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const above = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0);
  const below = points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
  return `${(above / below).toFixed(1)} MB per hour`;
}

/** How many rows each table should hold; the others are only told. */
function expectedRows({ posted, tags, keys, erased }) {
  return {
    jobs: posted - erased,
    job_tags: tags,
    idempotency_keys: keys,
    token_uses: 0,
    projects: 1,
    api_keys: 0,
    operations: 0,
  };
}

function judge(samples, end, load) {
  let isWell = true;
  const line = (ok, text) => {
    isWell &&= ok;
    say(`${ok ? "ok   " : "LOOK "} ${text}`);
  };
  for (const [key, what] of [
    ["heap_mb", "heap"],
    ["rss_mb", "resident memory"],
  ]) {
    const [first, last] = [samples.at(Math.ceil(samples.length / 5)), samples.at(-1)];
    const range = `${(first ?? last)[key].toFixed(1)} to ${last?.[key].toFixed(1)} MB`;
    say(`      ${what}: ${slope(samples, key)} (${range})`);
  }
  const expected = expectedRows(load.counts);
  for (const [table, rows] of Object.entries(end.tables)) {
    const perJob = (rows / load.counts.posted).toFixed(3);
    const shouldBe = expected[table];
    const remark = shouldBe === undefined ? "" : `, ${shouldBe} expected`;
    // The ledger has a line for each run that has used tokens: one a job here, and none for those that were cancelled early.
    const isBounded = table !== "ledger" || rows <= load.counts.posted;
    line(
      isBounded && (shouldBe === undefined || rows === shouldBe),
      `${table}: ${rows} rows, ${perJob} per job${remark}`,
    );
  }
  line(
    end.ring_most <= RING_ROWS,
    `ring: at most ${end.ring_most} rows in one of ${end.hubs} hubs, bound ${RING_ROWS}`,
  );
  say(`      D1: ${((end.d1_mb * MB) / load.counts.posted).toFixed(0)} bytes per job on the disk`);
  say(`      ${load.counts.late} jobs were not done within the ${WAIT_S} s that their client waited`);
  const errors = [...load.errors].map(([what, times]) => `${times} x ${what}`);
  line(errors.length === 0, `errors: ${errors.join("; ") || "none"}`);
  return isWell;
}

function print(samples) {
  const tables = [...new Set(samples.flatMap((one) => Object.keys(one.tables)))];
  const growing = tables.filter((name) => samples.some((one) => one.tables[name] > 1));
  const rows = samples.map(({ tables: counted, ...one }) => ({ ...one, ...counted }));
  printTable(`soak: ${minutes} minutes, ${rate} jobs a second`, rows, [
    ...["posted", "jobs", "frames", "heap_mb", "buffers_mb", "rss_mb", "d1_mb"].map((key) => [
      key,
      key.replace("_mb", " MB"),
    ]),
    ["hubs", "hubs"],
    ["ring_most", "ring rows, most"],
    ["objects_mb", "objects MB"],
    ["r2_mb", "R2 MB"],
    ...growing.filter((name) => name !== "jobs").map((name) => [name, name]),
  ]);
}

async function soak() {
  const standIn = await startStandIn();
  await standIn.reset(MODEL_MS);
  const inspectorPort = await freePort();
  const server = await startErrand({
    modelUrl: standIn.baseUrl,
    args: [`--inspector-port=${inspectorPort}`],
  });
  const others = await waitForQuiet();
  const inspector = await openInspector(inspectorPort);
  const load = startLoad(server, rate);
  const samples = [];
  const start = now();
  for (let minute = 1; minute <= minutes; minute++) {
    await sleep(start + minute * MINUTE_MS - now());
    const sample = await measure({ server, inspector, load, minute });
    const { tables, ...figures } = sample;
    record("soak", { ...figures, ...tables, rate, others_before: others });
    samples.push(sample);
    say(`minute ${minute}: ${sample.posted} jobs posted, heap ${sample.heap_mb.toFixed(1)} MB`);
  }
  await load.stop();
  await waitUntilIdle(server);
  const end = await measure({ server, inspector, load, minute: minutes + 1 });
  inspector.close();
  await server.stop();
  await standIn.stop();
  print([...samples, { ...end, row: "idle at the end" }]);
  if (!judge(samples, end, load)) process.exitCode = 1;
}

main(soak);

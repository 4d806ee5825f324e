// Bench: how many rows a job costs, which is what D1 bills.
//
// Method: local dev with rows-worker.mjs in place of src/worker.ts: the same Worker with a counter around
// env.DB that adds up meta.rows_written (rows of tables and of indexes) of every statement, the ones of the
// objects included. Each case is submitted 5 times, one after the other, to the sandbox model; counted from
// before the submit until the job has ended and 300 ms of quiet after it. The figure is the median of the 5,
// so that a pass of the clock, which comes every 30 s whatever happens, does not enter. `objects` are rows of
// the Durable Objects (SQLite and key-value) and `alarms` calls of setAlarm, which is billed as a row; the
// first job after a pause pays 1 + 1 more to wake the clock. `stream requests` are what the job's stream is billed: calls of
// its object, and a twentieth of a request for each message over its socket.
import { main } from "../scripts/processes.mjs";
import { say } from "../scripts/terminal.mjs";
import { startErrand } from "./errand-server.mjs";
import { createClient } from "./http-client.mjs";
import { percentile, printTable, record, sleep } from "./measure.mjs";

const TIMES = 5;
const SETTLE_MS = 300;
/** Enough that each hub has been there: an object that is made pays for its table. */
const WARM_UP = 200;
const BULK_JOBS = 100;
const JOB_TIMEOUT_MS = 30_000;
const LARGE = "word ".repeat(5_000);

const jobOf = (model, more) => ({ task: "generate", input: { prompt: "Tea in Lisbon", model }, ...more });
const plain = (more) => jobOf("sandbox/chat", more);
const single = (body, headers) => ({ path: "/v1/jobs", body, headers });

/** A function of a number that is new each time. */
const CASES = {
  bare: () => single(plain()),
  "+ channel": () => single(plain({ channel: "bench" })),
  "+ idempotency key": (i) => single(plain(), { "idempotency-key": `bench-${i}` }),
  "+ 1 tag": () => single(plain({ tags: ["a"] })),
  "+ 3 tags": () => single(plain({ tags: ["a", "b", "c"] })),
  "+ input of 25 KB": () => single(plain({ input: { prompt: LARGE, model: "sandbox/chat" } })),
  "+ output of 25 KB": () => single(jobOf("sandbox/chat!tokens=6000")),
  "+ starts in 1 s": () => single(plain({ delay_s: 1 })),
  "+ expires_in_s": () => single(plain({ expires_in_s: 3_600 })),
  "+ stream": () => single(plain({ stream: true })),
  "streams 500 tokens in 20 s": () =>
    single(jobOf("sandbox/chat!tokens=500,tps=25", { stream: true, channel: "bench" })),
  "+ concurrency key": () => single(plain({ concurrency: { key: "bench", limit: 9 } })),
  "at a gate": () => single(jobOf("sandbox/limited")),
  "runs 3 s": () => single(jobOf("sandbox/chat!ttft_ms=3000")),
  "retried once": () => single(jobOf("sandbox/chat!status=500,times=1")),
  failed: () => single(jobOf("sandbox/chat!status=400")),
  "cancelled while pending": () => ({ ...single(plain({ delay_s: 3_600 })), cancelAfterMs: 100 }),
  "cancelled while running": () => ({ ...single(jobOf("sandbox/chat!ttft_ms=20000")), cancelAfterMs: 300 }),
  "one of 100 in bulk": () => ({
    path: "/v1/jobs/bulk",
    body: { jobs: Array(BULK_JOBS).fill(plain()) },
    jobs: BULK_JOBS,
  }),
};

async function checked(answer) {
  const { status, body } = await answer;
  if (status >= 300) throw new Error(`answered ${status}: ${body}`);
  return JSON.parse(body);
}

async function waitForEnd(client, id) {
  const deadline = performance.now() + JOB_TIMEOUT_MS;
  while (performance.now() < deadline) {
    const job = await checked(client.get(`/v1/jobs/${id}`));
    if (job.finished_at !== null) return;
    await sleep(50);
  }
  throw new Error(`Job ${id} did not end.`);
}

async function runCase(client, { path, body, headers, cancelAfterMs }) {
  const answer = await checked(client.post(path, body, headers));
  const ids = (answer.data ?? [answer]).map((job) => job.id);
  if (cancelAfterMs !== undefined) {
    await sleep(cancelAfterMs);
    await checked(client.post(`/v1/jobs/${ids[0]}/cancel`));
  }
  for (const id of ids) await waitForEnd(client, id);
  await sleep(SETTLE_MS);
}

async function measure(client, row, make) {
  const seen = [];
  for (let i = 0; i < TIMES; i++) {
    const work = make(i);
    await checked(client.get("/__rows"));
    await runCase(client, work);
    seen.push({ ...(await checked(client.get("/__rows"))), jobs: work.jobs ?? 1 });
  }
  const per = (name) =>
    percentile(
      seen.map((one) => one[name] / one.jobs),
      0.5,
    );
  const typical = seen.find((one) => one.d1_written / one.jobs === per("d1_written"));
  const names = [
    "d1_written",
    "object_written",
    "alarms_set",
    "r2_puts",
    "stream_written",
    "stream_requests",
  ];
  return {
    row,
    ...Object.fromEntries(names.map((name) => [name, per(name)])),
    statements: typical.statements,
  };
}

async function bench() {
  const server = await startErrand({ args: ["--script=bench/rows-worker.mjs"] });
  const client = createClient(server);
  const rows = [];
  await runCase(client, {
    path: "/v1/jobs/bulk",
    body: { jobs: Array(WARM_UP).fill(plain({ stream: true })) },
  });
  await runCase(client, single(plain({ channel: "bench" })));
  for (const [name, make] of Object.entries(CASES)) {
    const { statements, ...row } = await measure(client, name, make);
    record("rows", { ...row, statements: statements.slice(0, 10).join("; ") });
    rows.push(row);
    if (process.argv.includes("--statements")) say(`${name}\n  ${statements.slice(0, 10).join("\n  ")}`);
  }
  client.close();
  await server.stop();
  printTable("rows: written for one job", rows, [
    ["d1_written", "D1"],
    ["object_written", "objects"],
    ["alarms_set", "alarms"],
    ["r2_puts", "R2 puts"],
    ["stream_written", "rows of the stream"],
    ["stream_requests", "its requests"],
  ]);
}

main(bench);

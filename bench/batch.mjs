// Bench: a batch of 50,000 lines and 200 MB, from the upload of its file to the last line of its output.
//
// Method: local dev with rows-worker.mjs (the same Worker with counters around D1, R2 and the queues), sandbox models that
// answer at once. A file of --items lines of --line-bytes each is uploaded by streaming and becomes a batch of `generate` jobs.
// While it runs, twice a second while the file is read and every five seconds after that, the isolate's heap is asked for through
// the inspector, as it stands, garbage included (API, consumer and all objects share the one isolate in local dev), and the resident
// memory of workerd. Then the output is downloaded and checked: every item once, in the order of the input. Per item: rows that
// D1 has written, messages sent to the queues, rows of objects, puts of R2.
//
// With --kills=3 the server is killed with -9 so often on the way, at even shares of the items, and started again on the same data,
// with short leases; counts of rows are left out then, and the check of the output is the point. A batch goes on by itself.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { startDev } from "../scripts/dev-server.mjs";
import { freePort } from "../scripts/ports.mjs";
import { main } from "../scripts/processes.mjs";
import { say } from "../scripts/terminal.mjs";
import { findWorkerd, killGroup } from "../test/support/crash.mjs";
import { openInspector } from "./inspector.mjs";
import { now, printTable, record, sleep } from "./measure.mjs";

const MB = 1_000_000;
const READING_PAUSE_MS = 500;
const RUNNING_PAUSE_MS = 5_000;
const SHORT = { lease_s: 5, ring_check_s: 2, clock_pass_s: 2 };

const { values } = parseArgs({
  options: {
    items: { type: "string", default: "50000" },
    "line-bytes": { type: "string", default: "4000" },
    kills: { type: "string", default: "0" },
    runs: { type: "string" },
  },
});
const items = Number(values.items);
const lineBytes = Number(values["line-bytes"]);
const kills = Number(values.kills);

function lineOf(i) {
  const item = { custom_id: `item-${i}`, input: { prompt: "", model: `sandbox/chat!reply=answer ${i}` } };
  const bare = JSON.stringify(item).length + 1;
  item.input.prompt = "word "
    .repeat(Math.ceil(Math.max(1, lineBytes - bare) / 5))
    .slice(0, Math.max(1, lineBytes - bare));
  return `${JSON.stringify(item)}\n`;
}

function fileStream() {
  const encoder = new TextEncoder();
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      let piece = "";
      while (piece.length < 256_000 && next < items) piece += lineOf(next++);
      if (piece === "") controller.close();
      else controller.enqueue(encoder.encode(piece));
    },
  });
}

class Session {
  folder = mkdtempSync(path.join(os.tmpdir(), "errand-bench-"));
  lives = 0;

  async start() {
    this.port ??= await freePort();
    const inspectorPort = await freePort();
    const env = {
      ROOT_KEY: "errand_root_of_the_batch_bench",
      TOKEN_SECRET: "secret of the batch bench, the same in every life",
      ...(kills > 0 ? { TIMING: JSON.stringify(SHORT) } : {}),
    };
    const args = ["--script=bench/rows-worker.mjs", `--inspector-port=${inspectorPort}`];
    const migrated = this.lives++ > 0;
    this.server = await startDev({
      port: this.port,
      persistTo: this.folder,
      env,
      args,
      migrated,
      onLog: () => {},
    });
    this.inspector = kills > 0 ? null : await openInspector(inspectorPort);
  }

  async kill() {
    killGroup(this.server.pid);
    await this.server.ended?.catch?.(() => {});
    await sleep(500);
    await this.start();
  }

  async ask(method, route, init = {}) {
    const headers = { authorization: `Bearer ${this.server.key}`, ...init.headers };
    const response = await fetch(this.server.url + route, { method, duplex: "half", ...init, headers });
    if (!response.ok)
      throw new Error(`${method} ${route} answered ${response.status}: ${await response.text()}`);
    return response;
  }

  async json(method, route, body) {
    const headers = { "content-type": "application/json" };
    const init = body === undefined ? {} : { body: JSON.stringify(body), headers };
    return (await this.ask(method, route, init)).json();
  }

  residentMb() {
    const [pid] = findWorkerd(this.server.pid);
    const status = /VmRSS:\s*(\d+) kB/.exec(pid ? readFileSync(`/proc/${pid}/status`, "utf8") : "");
    return status ? (Number(status[1]) * 1_024) / MB : 0;
  }

  async stop() {
    this.inspector?.close();
    await this.server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

class Peaks {
  heapMb = 0;
  buffersMb = 0;
  residentMb = 0;

  async look(session) {
    this.residentMb = Math.max(this.residentMb, session.residentMb());
    if (!session.inspector) return;
    const { usedBytes, bufferBytes } = await session.inspector.usage();
    this.heapMb = Math.max(this.heapMb, usedBytes / MB);
    this.buffersMb = Math.max(this.buffersMb, bufferBytes / MB);
  }
}

async function follow(session, id, peaks) {
  const started = now();
  let readS = 0;
  let killed = 0;
  for (;;) {
    const batch = await session.json("GET", `/v1/batches/${id}`);
    await peaks.look(session);
    const { total, completed, failed, cancelled } = batch.counts;
    if (batch.all_read && readS === 0) readS = (now() - started) / 1_000;
    if (["completed", "failed", "cancelled"].includes(batch.state))
      return { batch, readS, endS: (now() - started) / 1_000 };
    const ended = completed + failed + cancelled;
    if (killed < kills && ended >= (items * (killed + 1)) / (kills + 1)) {
      killed += 1;
      say(`  kill -9 number ${killed}, with ${ended} of ${total} ended`);
      await session.kill();
    }
    await sleep(batch.all_read ? RUNNING_PAUSE_MS : READING_PAUSE_MS);
  }
}

/** Every item once, in the order of the input, with its own answer. */
async function check(session, id) {
  const started = now();
  const text = await (await session.ask("GET", `/v1/batches/${id}/output`)).text();
  const lines = text.trimEnd().split("\n");
  const wrong = lines.findIndex((line, i) => {
    const { index, custom_id, output } = JSON.parse(line);
    return index !== i || custom_id !== `item-${i}` || output.text !== `answer ${i}`;
  });
  if (lines.length !== items || wrong !== -1)
    throw new Error(`The output has ${lines.length} lines; wrong from ${wrong} on.`);
  return (now() - started) / 1_000;
}

async function bench() {
  const session = new Session();
  await session.start();
  const peaks = new Peaks();
  const begun = now();
  const headers = { "content-type": "application/jsonl" };
  const file = await (
    await session.ask("POST", "/v1/files?name=items.jsonl", { body: fileStream(), headers })
  ).json();
  const uploadS = (now() - begun) / 1_000;
  await peaks.look(session);
  await session.json("GET", "/__rows");
  const { id } = await session.json("POST", "/v1/batches", { task: "generate", file_id: file.id });
  const { batch, readS, endS } = await follow(session, id, peaks);
  const counts = await session.json("GET", "/__rows");
  const downloadS = await check(session, id);
  const per = (value) => (kills > 0 ? undefined : value / items);
  const row = {
    row: `${items} items, ${Math.round(file.size_bytes / MB)} MB${kills > 0 ? `, ${kills} kills` : ""}`,
    upload_s: uploadS,
    read_s: readS,
    end_s: endS,
    per_s: items / endS,
    download_s: downloadS,
    heap_mb: peaks.heapMb || undefined,
    buffers_mb: peaks.buffersMb || undefined,
    rss_mb: peaks.residentMb,
    d1_rows: per(counts.d1_written),
    messages: per(counts.queue_messages),
    object_rows: per(counts.object_written),
  };
  record("batch", { ...row, completed: batch.counts.completed });
  await session.stop();
  printTable(
    "batch: every item once, in order",
    [row],
    [
      ["upload_s", "upload s"],
      ["read_s", "all read s"],
      ["end_s", "ended s"],
      ["per_s", "items/s"],
      ["download_s", "download s"],
      ["heap_mb", "heap MB"],
      ["buffers_mb", "buffers MB"],
      ["rss_mb", "workerd MB"],
      ["d1_rows", "D1 rows/item"],
      ["messages", "messages/item"],
      ["object_rows", "object rows/item"],
    ],
  );
}

main(bench);

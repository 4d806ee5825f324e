// The reading half of the fan-out bench, as a process of its own: holds the sockets, and notes when each heard what.
import { inLanes } from "./http-client.mjs";
import { openLeanSocket } from "./lean-socket.mjs";
import { now, percentile } from "./measure.mjs";

/** Sockets that are opened at a time. */
const LANES = 20;
const OPEN_TIMEOUT_MS = 60_000;

/** What a frame tells, and by which clock: [name, when it was sent]. */
const KINDS = {
  events: {
    clock: () => performance.timeOrigin + performance.now(),
    read: ({ type, job_id, at }) => (job_id ? [[`${job_id} ${type}`, Date.parse(at)]] : []),
  },
  stream: {
    clock: now,
    read: ({ data }) =>
      data.flatMap(({ type, text }) =>
        type === "text"
          ? text
              .split(" ")
              .filter(Boolean)
              .map((token) => [token, Number(token)])
          : [],
      ),
  },
};

let sockets = [];
/** By name: when it was sent, and when it came to each socket. */
let heard = new Map();
let count = 0;
let loadBefore;
let wait = { for: Number.POSITIVE_INFINITY, over: () => {} };

function take({ clock, read }, text) {
  const told = read(JSON.parse(text));
  const at = clock();
  for (const [name, sentAt] of told) {
    const news = heard.get(name) ?? { sentAt, times: [] };
    heard.set(name, news);
    news.times.push(at);
    count += 1;
  }
  if (count >= wait.for) wait.over();
}

async function open({ server, path, kind, sockets: wanted }) {
  heard = new Map();
  count = 0;
  const startedAt = now();
  await inLanes({ count: wanted, width: LANES, timeoutMs: OPEN_TIMEOUT_MS }, async () => {
    sockets.push(await openLeanSocket(server, path, (text) => take(KINDS[kind], text)));
  });
  loadBefore = performance.eventLoopUtilization();
  return { opened: sockets.length, openMs: now() - startedAt };
}

function spread(name, values) {
  return {
    [`${name}_p50_ms`]: percentile(values, 0.5),
    [`${name}_p99_ms`]: percentile(values, 0.99),
    [`${name}_max_ms`]: values.reduce((most, value) => Math.max(most, value), 0),
  };
}

/** Waits until so much was heard in all, and sums it up. */
async function report({ expected, timeoutMs }) {
  await new Promise((resolve) => {
    wait = { for: expected, over: resolve };
    if (count >= expected) resolve();
    setTimeout(resolve, timeoutMs);
  });
  const { utilization } = performance.eventLoopUtilization(loadBefore);
  for (const socket of sockets) socket.close();
  sockets = [];
  const all = [...heard.values()];
  return {
    heard: count,
    reader_busy: utilization,
    ...spread(
      "sent",
      all.flatMap(({ sentAt, times }) => times.map((at) => at - sentAt)),
    ),
    ...spread(
      "first",
      all.flatMap(({ times }) => times.map((at) => at - times[0])),
    ),
  };
}

const ANSWERS = { open, report };

process.on("message", async ({ ask, ...settings }) => {
  try {
    process.send({ answer: await ANSWERS[ask](settings) });
  } catch (error) {
    process.send({ error: error.message });
  }
});
process.on("disconnect", () => process.exit());

// A constant mix of everything an app does: submits of all kinds, reads, cancels, erasures, sockets that come and go.
import { MODEL } from "./errand-server.mjs";
import { createClient } from "./http-client.mjs";

const CHANNELS = 20;
const SOCKETS = 40;
/** How long a client waits for a job in the same request. */
export const WAIT_S = 20;
const BULK_JOBS = 20;
const LARGE = "word ".repeat(5_000);

const job = (model, more) => ({ task: "generate", input: { prompt: "Tea in Lisbon", model }, ...more });

/** In turn, so that a minute is like the next. `key`: with an idempotency key; `later`: what the client does then. */
const TURNS = [
  { body: job(MODEL) },
  { body: job(MODEL, { tags: ["soak", "two"] }) },
  { body: job(MODEL), key: true },
  { body: job(MODEL, { stream: true }) },
  { body: job(MODEL, { metadata: { user: "somebody" } }), later: "read" },
  { body: job("sandbox/chat", { lane: "bulk" }) },
  { body: { task: "embed", input: { input: ["Tea", "Lisbon"], model: "sandbox/embedding" } } },
  { body: job("sandbox/chat!status=500,times=1") },
  { body: job(MODEL, { delay_s: 2 }) },
  { body: job(MODEL, { input: { prompt: LARGE, model: MODEL } }), later: "read" },
  { body: job("sandbox/chat!tokens=6000"), later: "read" },
  { body: job(MODEL), wait: true, later: "erase" },
  { body: job("sandbox/chat!ttft_ms=20000"), later: "cancel" },
  { body: job(MODEL, { delay_s: 3_600 }), later: "cancel" },
  { body: job("sandbox/chat!status=400") },
  { body: job(MODEL, { expires_in_s: 600 }) },
];

/** `jobsPerSecond`: how many are posted. `counts` says what was done, `errors` what went wrong. */
export function startLoad(server, jobsPerSecond) {
  const client = createClient(server, 32);
  const counts = {
    posted: 0,
    tags: 0,
    keys: 0,
    erased: 0,
    reads: 0,
    cancels: 0,
    late: 0,
    sockets: 0,
    frames: 0,
  };
  const errors = new Map();
  const busy = new Set();
  const closers = [];
  let turn = 0;

  const note = (what) => errors.set(what, (errors.get(what) ?? 0) + 1);

  /** Not waited for: the next turn comes whether this one is done or not. */
  function go(work) {
    const done = work()
      .catch((error) => note(error.message.replace(/job_\w+/g, "job").slice(0, 120)))
      .finally(() => busy.delete(done));
    busy.add(done);
  }

  async function call(method, path, body, headers) {
    const answer = await client[method](path, body, headers);
    if (answer.status >= 300) throw new Error(`${method} ${path} answered ${answer.status}`);
    return answer.body === "" ? null : JSON.parse(answer.body);
  }

  const after = {
    read: (id) => call("get", `/v1/jobs/${id}`).then(() => counts.reads++),
    cancel: (id) => call("post", `/v1/jobs/${id}/cancel`).then(() => counts.cancels++),
    erase: (id) => call("delete", `/v1/jobs/${id}`).then(() => counts.erased++),
  };

  async function submit() {
    const number = turn++;
    const { body, key, wait, later } = TURNS[number % TURNS.length];
    const headers = {
      ...(key && { "idempotency-key": `soak-${number}` }),
      ...(wait && { prefer: `wait=${WAIT_S}` }),
    };
    const channel = number % 3 === 0 ? {} : { channel: `user-${number % CHANNELS}` };
    const { id, finished_at } = await call("post", "/v1/jobs", { ...body, ...channel }, headers);
    counts.posted += 1;
    counts.tags += body.tags?.length ?? 0;
    counts.keys += key ? 1 : 0;
    // It cannot be erased yet: this machine is behind.
    if (wait && finished_at === null) counts.late += 1;
    else await after[later]?.(id);
  }

  async function submitMany() {
    const jobs = Array.from({ length: BULK_JOBS }, () => job("sandbox/chat", { channel: "bulk" }));
    await call("post", "/v1/jobs/bulk", { jobs });
    counts.posted += BULK_JOBS;
  }

  function connect() {
    const channel = `user-${counts.sockets++ % CHANNELS}`;
    const address = `${server.url.replace("http", "ws")}/v1/events?channel=${channel}`;
    const socket = new WebSocket(address, { headers: { authorization: `Bearer ${server.key}` } });
    socket.addEventListener("message", () => counts.frames++);
    // One that is closed while it is still connecting says so by an error.
    let isLeaving = false;
    socket.addEventListener("error", ({ message, error }) => {
      if (!isLeaving) note(`a socket: ${message || error?.message}`);
    });
    closers.push(() => {
      isLeaving = true;
      socket.close();
    });
    if (closers.length > SOCKETS) closers.shift()();
  }

  /** A tenth of the jobs comes by bulk. */
  const timers = [
    setInterval(() => go(submit), 1_000 / (jobsPerSecond * 0.9)),
    setInterval(() => go(submitMany), (1_000 * BULK_JOBS) / (jobsPerSecond * 0.1)),
    setInterval(() => go(() => call("get", "/v1/jobs?limit=20").then(() => counts.reads++)), 1_000),
    setInterval(connect, 500),
  ];

  return {
    counts,
    errors,
    async stop() {
      for (const timer of timers) clearInterval(timer);
      await Promise.all(busy);
      for (const close of closers) close();
      client.close();
    },
  };
}

// The ways to get a model's words while they are written: from the provider itself, and through Errand.
import { MODEL } from "./errand-server.mjs";
import { createClient } from "./http-client.mjs";
import { now } from "./measure.mjs";

const PROMPT = "Tea in Lisbon";
const CONNECTIONS = 16;

/** Tokens of the stand-in say when they were sent; here it is noted when they came. The clock starts now. */
function startReading() {
  const startedAt = now();
  const tokens = [];
  const take = (text) => {
    const at = now();
    for (const sentAt of text.split(" ").filter(Boolean)) tokens.push({ sentAt: Number(sentAt), at });
  };
  const takeMessages = (messages) => {
    for (const { type, text } of messages) if (type === "text") take(text);
  };
  return { reading: { startedAt, tokens }, take, takeMessages };
}

async function callProvider(client) {
  const { reading, take } = startReading();
  const body = { model: "stand-in", stream: true, messages: [{ role: "user", content: PROMPT }] };
  await client.readEvents("POST", "/chat/completions", body, ({ data }) => {
    if (data !== "[DONE]") take(JSON.parse(data).choices[0]?.delta.content ?? "");
  });
  return reading;
}

const ifData =
  (takeMessages) =>
  ({ event, data }) => {
    if (event === "data") takeMessages(JSON.parse(data));
  };

async function callLive(client) {
  const { reading, takeMessages } = startReading();
  const body = { input: { prompt: PROMPT, model: MODEL } };
  await client.readEvents("POST", "/v1/generate", body, ifData(takeMessages));
  return reading;
}

/** The address of the new job's stream. */
async function submit(client) {
  const job = { task: "generate", stream: true, input: { prompt: PROMPT, model: MODEL } };
  const { status, body } = await client.post("/v1/jobs", job);
  if (status !== 202) throw new Error(`POST /v1/jobs answered ${status}: ${body}`);
  return `/v1/jobs/${JSON.parse(body).id}/stream?offset=-1`;
}

async function queueAndRead(client) {
  const { reading, takeMessages } = startReading();
  const path = await submit(client);
  await client.readEvents("GET", `${path}&live=sse`, undefined, ifData(takeMessages));
  return reading;
}

async function queueAndListen(client, { url, key }) {
  const { reading, takeMessages } = startReading();
  const path = await submit(client);
  const socket = new WebSocket(url.replace("http", "ws") + path, {
    headers: { authorization: `Bearer ${key}` },
  });
  const over = Promise.withResolvers();
  socket.addEventListener("message", ({ data }) => {
    const frame = JSON.parse(data);
    takeMessages(frame.data);
    if (frame.closed) over.resolve();
  });
  socket.addEventListener("close", () => over.reject(new Error("The stream's socket was closed early.")));
  await over.promise;
  socket.close();
  return reading;
}

/** `read` makes a call and resolves with its tokens: [{sentAt, at}], and when it began. `bare`: the proxy of bare/worker.mjs. */
export function openWays(standIn, bare, errand) {
  const provider = createClient({ url: standIn.baseUrl }, CONNECTIONS);
  const proxy = createClient(bare, CONNECTIONS);
  const client = createClient(errand, CONNECTIONS);
  return {
    ways: [
      { name: "provider", read: () => callProvider(provider) },
      { name: "a bare Worker in between", read: () => callProvider(proxy) },
      { name: "POST /v1/generate", read: () => callLive(client) },
      { name: "queued, read over SSE", read: () => queueAndRead(client) },
      { name: "queued, read over WebSocket", read: () => queueAndListen(client, errand) },
    ],
    close() {
      provider.close();
      proxy.close();
      client.close();
    },
  };
}

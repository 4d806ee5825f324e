// A stand-in for a model provider: an OpenAI-compatible server with a fixed latency that notes when each call
// came.
//
// Prints `LISTENING port`. POST /v1/chat/completions answers 16 words, as a stream (spread over the latency,
// as models do, the end exactly at it) or as one document. GET /log tells {calls: {job: {received, answered,
// calls}}, max_concurrent}, times by CLOCK_MONOTONIC, jobs by the header x-errand-job. POST /reset
// {latency_ms} sets the latency and forgets the log.
import http from "node:http";
import { now, sleep } from "./measure.mjs";

const WORDS = "the job is done and this is the made up answer of a stand in model".split(" ");
const USAGE = { prompt_tokens: 20, completion_tokens: WORDS.length, total_tokens: 20 + WORDS.length };

let latencyMs = 0;
let calls = {};
let active = 0;
let maxConcurrent = 0;

function chunk(delta, finishReason, usage) {
  const choices = delta ? [{ index: 0, delta, finish_reason: finishReason }] : [];
  const document = {
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 0,
    model: "stand-in",
    choices,
    usage,
  };
  return `data: ${JSON.stringify(document)}\n\n`;
}

const FIRST = chunk({ role: "assistant", content: "" }, null);
const PARTS = WORDS.map((word, i) => chunk({ content: i === 0 ? word : ` ${word}` }, null));
const LAST = `${chunk({}, "stop")}${chunk(null, null, USAGE)}data: [DONE]\n\n`;
const DOCUMENT = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 0,
  model: "stand-in",
  choices: [{ index: 0, message: { role: "assistant", content: WORDS.join(" ") }, finish_reason: "stop" }],
  usage: USAGE,
});

async function stream(response, received) {
  response.writeHead(200, { "content-type": "text/event-stream" });
  if (latencyMs === 0) return response.end(FIRST + PARTS.join("") + LAST);
  const until = (share) => sleep(Math.max(0, received + latencyMs * share - now()));
  response.write(FIRST);
  for (const [i, part] of PARTS.entries()) {
    await until((i + 1) / (PARTS.length + 1));
    response.write(part);
  }
  await until(1);
  response.end(LAST);
}

async function complete(request, response, body) {
  const received = now();
  const job = request.headers["x-errand-job"] ?? "none";
  active += 1;
  maxConcurrent = Math.max(maxConcurrent, active);
  if (body.stream) {
    await stream(response, received);
  } else {
    if (latencyMs > 0) await sleep(latencyMs);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(DOCUMENT);
  }
  active -= 1;
  calls[job] = { received, answered: now(), calls: (calls[job]?.calls ?? 0) + 1 };
}

function sendJson(response, document) {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(document));
}

function reset(settings) {
  latencyMs = settings.latency_ms ?? latencyMs;
  calls = {};
  maxConcurrent = 0;
  return { latency_ms: latencyMs };
}

const server = http.createServer((request, response) => {
  let text = "";
  request.setEncoding("utf8");
  request.on("data", (part) => {
    text += part;
  });
  request.on("end", () => {
    if (request.url === "/v1/chat/completions") complete(request, response, JSON.parse(text));
    else if (request.url === "/reset") sendJson(response, reset(JSON.parse(text)));
    else if (request.url === "/log") sendJson(response, { calls, max_concurrent: maxConcurrent });
    else response.writeHead(404).end();
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => process.stdout.write(`LISTENING ${server.address().port}\n`));

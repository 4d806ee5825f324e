// A stand-in for a model provider: an OpenAI-compatible server with a fixed latency that notes when each call
// came.
//
// Prints `LISTENING port`. POST /v1/chat/completions answers 16 words, as a stream (spread over the latency,
// as models do, the end exactly at it) or as one document. GET /log tells {calls: {job: {received, answered,
// calls}}, max_concurrent}, times by CLOCK_MONOTONIC, jobs by the header x-errand-job. POST /reset
// {latency_ms, answer_tokens, limits: {rpm, tpm, burst_s, announces}} sets the latency, how many tokens an answer
// counts (half to three halves of it, by the job's id) and what is enforced (provider-limits.mjs), and forgets
// the log. With pace: {first_ms, every_ms, tokens} a streamed answer is so many tokens at that pace instead, each
// of which is the time at which it was sent; first_ms null: they begin when POST /begin says so. GET /limits: {given, refused, tokens_by_second, calls_by_second}.
import http from "node:http";
import { now, sleep } from "./measure.mjs";
import { createLimits } from "./provider-limits.mjs";

const WORDS = "the job is done and this is the made up answer of a stand in model".split(" ");
const PROMPT_TOKENS = 20;

let latencyMs = 0;
let answerTokens = null;
let pace = null;
let begun = Promise.withResolvers();
let limits = createLimits();
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
const lastOf = (usage) => `${chunk({}, "stop")}${chunk(null, null, usage)}data: [DONE]\n\n`;
const documentOf = (usage) =>
  JSON.stringify({
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 0,
    model: "stand-in",
    choices: [{ index: 0, message: { role: "assistant", content: WORDS.join(" ") }, finish_reason: "stop" }],
    usage,
  });

/** What a call of this job uses: the words that are sent, or as told with /reset, more or less by the job's id. */
function usageOf(job) {
  const hash = [...job].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 1009, 7);
  const completion = answerTokens === null ? WORDS.length : Math.round(answerTokens * (0.5 + hash / 1008));
  return {
    prompt_tokens: PROMPT_TOKENS,
    completion_tokens: completion,
    total_tokens: PROMPT_TOKENS + completion,
  };
}

async function streamPaced(response, received, usage, headers) {
  const { first_ms, every_ms, tokens } = pace;
  const first = first_ms === null ? await begun.promise : received + first_ms;
  for (let i = 0; i < tokens; i++) {
    await sleep(Math.max(0, first + every_ms * i - now()));
    if (i === 0) response.writeHead(200, { ...headers, "content-type": "text/event-stream" });
    response.write(chunk({ content: `${now().toFixed(3)} ` }, null));
  }
  response.end(lastOf(usage));
}

async function stream(response, received, usage, headers) {
  if (pace) return streamPaced(response, received, usage, headers);
  response.writeHead(200, { ...headers, "content-type": "text/event-stream" });
  if (latencyMs === 0) return response.end(FIRST + PARTS.join("") + lastOf(usage));
  const until = (share) => sleep(Math.max(0, received + latencyMs * share - now()));
  response.write(FIRST);
  for (const [i, part] of PARTS.entries()) {
    await until((i + 1) / (PARTS.length + 1));
    response.write(part);
  }
  await until(1);
  response.end(lastOf(usage));
}

async function complete(request, response, body) {
  const received = now();
  const job = request.headers["x-errand-job"] ?? "none";
  const usage = usageOf(job);
  const { refused, headers } = limits.take(usage.total_tokens);
  if (refused) {
    response.writeHead(429, { ...headers, "content-type": "application/json" });
    return response.end('{"error": {"message": "Rate limit reached.", "code": "rate_limit_exceeded"}}');
  }
  active += 1;
  maxConcurrent = Math.max(maxConcurrent, active);
  if (body.stream) {
    await stream(response, received, usage, headers);
  } else {
    if (latencyMs > 0) await sleep(latencyMs);
    response.writeHead(200, { ...headers, "content-type": "application/json" });
    response.end(documentOf(usage));
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
  answerTokens = settings.answer_tokens ?? null;
  pace = settings.pace ?? null;
  begun = Promise.withResolvers();
  limits = createLimits(settings.limits);
  calls = {};
  maxConcurrent = 0;
  return { latency_ms: latencyMs };
}

function beginNow() {
  begun.resolve(now());
  return {};
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
    else if (request.url === "/begin") sendJson(response, beginNow());
    else if (request.url === "/log") sendJson(response, { calls, max_concurrent: maxConcurrent });
    else if (request.url === "/limits") sendJson(response, limits.seen());
    else response.writeHead(404).end();
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => process.stdout.write(`LISTENING ${server.address().port}\n`));

// An OpenAI-compatible provider on 127.0.0.1 that does what the model's name says, and remembers every request.
//
// Names: `ok`, a status such as `500`, or one of BEHAVIOURS; `500!1` misbehaves at the first attempt only, then is `ok`.
import http from "node:http";

const WORDS = ["Jobs ", "wait ", "in ", "line. "];

const chunk = (delta, finish = null) => ({
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  created: 0,
  model: "local",
  choices: [{ index: 0, delta, finish_reason: finish }],
});

const event = (value) => `data: ${JSON.stringify(value)}\n\n`;
const usage = { prompt_tokens: 7, completion_tokens: 4, total_tokens: 11 };

function begin(response) {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const word of WORDS) response.write(event(chunk({ content: word })));
}

function finish(response, reason = "stop") {
  response.write(event(chunk({}, reason)));
  response.write(event({ ...chunk({}), choices: [], usage }));
  response.end("data: [DONE]\n\n");
}

function refuse(response, status, code = `local_${status}`, headers = {}) {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(
    JSON.stringify({ error: { message: `The local provider says ${code}.`, type: "local", code } }),
  );
}

const BEHAVIOURS = {
  ok(response) {
    begin(response);
    finish(response);
  },
  /** Nothing, not even headers, until released. */
  silent: (response, request) => request.released.then(() => BEHAVIOURS.ok(response)),
  /** The text, and then nothing until released. */
  stuck(response, request) {
    begin(response);
    request.released.then(() => finish(response));
  },
  /** An answer of 4.2 MB. */
  huge(response) {
    begin(response);
    for (let i = 0; i < 42; i++)
      response.write(event(chunk({ content: "A long, long answer. ".repeat(4762) })));
    finish(response);
  },
  /** Closes the connection instead of answering. */
  gone: (response) => response.destroy(),
  cut(response) {
    begin(response);
    response.write("data: {", () => response.destroy());
  },
  short(response) {
    begin(response);
    response.end();
  },
  filter(response) {
    begin(response);
    finish(response, "content_filter");
  },
  context: (response) => refuse(response, 400, "context_length_exceeded"),
  quota: (response) => refuse(response, 429, "insufficient_quota"),
  later: (response) => refuse(response, 429, "rate_limit_exceeded", { "retry-after": "1" }),
};

function behaviourOf({ model, attempt }) {
  const [name, times] = model.split("!");
  if (times !== undefined && attempt > Number(times)) return BEHAVIOURS.ok;
  if (/^\d+$/.test(name)) return (response) => refuse(response, Number(name));
  return BEHAVIOURS[name] ?? ((response) => refuse(response, 404));
}

async function readJson(incoming) {
  let text = "";
  for await (const part of incoming.setEncoding("utf8")) text += part;
  return JSON.parse(text);
}

/** `requests` in the order of arrival; `untilRequest` waits for one. */
export async function startProvider(port = 0) {
  const requests = [];
  const waiting = new Set();
  const server = http.createServer(async (incoming, response) => {
    const arrivedAt = performance.now();
    const { model } = await readJson(incoming);
    const { "x-errand-job": job, "x-errand-attempt": attempt } = incoming.headers;
    const released = Promise.withResolvers();
    const closed = Promise.withResolvers();
    const request = { job, attempt: Number(attempt), model, arrivedAt, release: released.resolve };
    Object.assign(request, { released: released.promise, closed: closed.promise });
    // `close` comes after a finished answer too: only a connection that was still needed counts.
    response.once("close", () => !response.writableFinished && closed.resolve(performance.now()));
    requests.push(request);
    for (const check of waiting) check();
    behaviourOf(request)(response, request);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/v1`,
    requests,
    untilRequest: (job, attempt = 1) =>
      new Promise((resolve) => {
        const check = () => {
          const found = requests.find((request) => request.job === job && request.attempt === attempt);
          if (found) resolve(found);
          if (found) waiting.delete(check);
        };
        waiting.add(check);
        check();
      }),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

// An OpenAI-compatible provider on 127.0.0.1 that does what the model's name says, and remembers every request.
//
// Names: `ok`, a status such as `500`, or one of BEHAVIOURS; `echo@300` takes 300 ms for it. `500!1` misbehaves at the
// first attempt only, then is `ok`; `500!1!echo@300` is that instead.
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

/** What an answer says to show whose it is: the first word it was asked, and how many characters there were. */
function echoOf({ messages }) {
  const text = messages?.at(-1)?.content ?? "";
  return { word: /^\S*/.exec(text)[0], length: text.length };
}

/** One vector a text: its length, and the code of its first letter. */
function embed(response, texts) {
  const data = texts.map((text, index) => ({ index, embedding: [text.length, text.codePointAt(0)] }));
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ object: "list", data, usage: { prompt_tokens: 7, total_tokens: 7 } }));
}

const BEHAVIOURS = {
  ok(response) {
    begin(response);
    finish(response);
  },
  /** Says whose answer it is, half of it at once, half after the time; as JSON when a schema is given, as vectors for texts. */
  echo(response, { body, echo }, ms, more = "") {
    if (body.input) return setTimeout(() => embed(response, body.input), ms);
    const answer = body.response_format ? JSON.stringify(echo) : `${echo.word} ${echo.length} ${more}`;
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(event(chunk({ content: answer.slice(0, answer.length / 2) })));
    setTimeout(() => {
      response.write(event(chunk({ content: answer.slice(answer.length / 2) })));
      finish(response);
    }, ms);
  },
  /** As `echo`, with 20,000 characters more than that. */
  long: (response, request, ms) => BEHAVIOURS.echo(response, request, ms, "-".repeat(20_000)),
  /** Nothing, not even headers, until released. */
  silent: (response, request) => request.released.then(() => BEHAVIOURS.ok(response)),
  /** The text, and then nothing until released. */
  stuck(response, request) {
    begin(response);
    request.released.then(() => finish(response));
  },
  /** What the test says, by `say`, until it is released. */
  dictated: (response, request) => request.released.then(() => finish(response)),
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

function behave(response, request) {
  const [first, times, then = "ok"] = request.model.split("!");
  const [name, ms] = (times !== undefined && request.attempt > Number(times) ? then : first).split("@");
  if (/^\d+$/.test(name)) return refuse(response, Number(name));
  if (!BEHAVIOURS[name]) return refuse(response, 404);
  BEHAVIOURS[name](response, request, Number(ms ?? 0));
}

/** Undefined: the caller was gone before it had asked. */
async function readJson(incoming) {
  let text = "";
  try {
    for await (const part of incoming.setEncoding("utf8")) text += part;
  } catch {
    return undefined;
  }
  return JSON.parse(text);
}

/** `requests` in the order of arrival; `until` waits for what `find` looks for among them. */
export async function startProvider(port = 0) {
  const requests = [];
  const waiting = new Set();
  const server = http.createServer(async (incoming, response) => {
    const arrivedAt = performance.now();
    const body = await readJson(incoming);
    if (!body) return;
    const { "x-errand-job": job, "x-errand-attempt": attempt } = incoming.headers;
    const released = Promise.withResolvers();
    const closed = Promise.withResolvers();
    const request = { job, attempt: Number(attempt), model: body.model, echo: echoOf(body), arrivedAt };
    Object.assign(request, { release: released.resolve, closed: closed.promise });
    request.isOpen = () => !response.writableEnded && !response.destroyed;
    // `close` comes after a finished answer too: only a connection that was still needed counts.
    response.once("close", () => !response.writableFinished && closed.resolve(performance.now()));
    request.say = (text) => {
      if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(event(chunk({ content: text })));
    };
    request.refuse = (status) => refuse(response, status);
    requests.push(request);
    for (const check of waiting) check();
    behave(response, { ...request, body, released: released.promise });
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  const until = (find) =>
    new Promise((resolve) => {
      const check = () => {
        const found = find(requests);
        if (!found) return;
        waiting.delete(check);
        resolve(found);
      };
      waiting.add(check);
      check();
    });
  return {
    url: `http://127.0.0.1:${server.address().port}/v1`,
    requests,
    until,
    untilRequest: (job, attempt = 1) =>
      until((all) => all.find((request) => request.job === job && request.attempt === attempt)),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

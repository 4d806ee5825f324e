// Stands between the conformance suite of the Durable Streams protocol and Errand: puts a key on each request, and maps the
// suite's paths (/v1/stream/…) to those of Errand (/v1/streams/…).

import http from "node:http";

const THEIRS = "/v1/stream/";
const OURS = "/v1/streams/";

/** Returns the address to give to the suite, and how to stop. */
export async function startProxy(target, key) {
  const { hostname, port } = new URL(target);
  const server = http.createServer((request, response) => {
    const headers = { ...request.headers, authorization: `Bearer ${key}` };
    const source = headers["stream-forked-from"];
    if (source) headers["stream-forked-from"] = source.replace(THEIRS, OURS);
    const path = request.url.replace(THEIRS, OURS);
    const { method } = request;
    const forward = http.request({ hostname, port, path, method, headers }, (answer) => {
      const { location } = answer.headers;
      if (location) answer.headers.location = location.replace(OURS, THEIRS);
      response.writeHead(answer.statusCode, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
    });
    forward.on("error", () => response.destroy());
    response.on("close", () => forward.destroy());
    request.pipe(forward);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { url: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

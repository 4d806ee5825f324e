// A lean HTTP client with a fixed number of kept connections; fetch takes more of the machine.
import http from "node:http";
import { createParser } from "eventsource-parser";

/** `key` goes into every request. One client: at most `connections` requests at a time, the others wait. */
export function createClient({ url, key }, connections = 1) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const authorization = key ? { authorization: `Bearer ${key}` } : {};

  function send(method, path, body, more, onText) {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const type =
      text === undefined
        ? {}
        : { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
    return new Promise((resolve, reject) => {
      const headers = { ...authorization, ...type, ...more };
      const request = http.request(url + path, { method, agent, headers }, (response) => {
        let answer = "";
        response.setEncoding("utf8");
        response.on("data", (part) => {
          answer += part;
          onText?.(part);
        });
        response.on("end", () => resolve({ status: response.statusCode, body: answer }));
        response.on("error", reject);
      });
      request.on("error", (error) => reject(new Error(`${method} ${url}${path}: ${error.message}`)));
      request.end(text);
    });
  }

  /** Calls `onEvent` with each server-sent event as it comes; resolves when there are no more. */
  async function readEvents(method, path, body, onEvent) {
    const parser = createParser({ onEvent });
    const answer = await send(method, path, body, {}, (text) => parser.feed(text));
    if (answer.status !== 200)
      throw new Error(`${method} ${url}${path} answered ${answer.status}: ${answer.body}`);
  }

  return {
    readEvents,
    get: (path) => send("GET", path),
    post: (path, body, headers) => send("POST", path, body, headers),
    delete: (path) => send("DELETE", path),
    close: () => agent.destroy(),
  };
}

/** Calls `work(i)` for every i below `count`, `width` of them at a time. Starts none after the deadline. */
export async function inLanes({ count, width, timeoutMs }, work) {
  const deadline = performance.now() + timeoutMs;
  let next = 0;
  const lane = async () => {
    while (next < count && performance.now() < deadline) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
  return next;
}

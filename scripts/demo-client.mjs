// The demo's way to the API: plain fetch and WebSocket, as any app would use them.
import { Problem } from "./terminal.mjs";

export function connect({ url, key }) {
  const call = async (method, path, body) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    });
    const answer = await response.json();
    if (response.ok) return answer;
    const { code, message } = answer.error;
    throw new Problem(`${method} ${path} was answered ${response.status} ${code}: ${message}`);
  };
  return {
    get: (path) => call("GET", path),
    post: (path, body) => call("POST", path, body),
    listen: (path, token, handlers) => openSocket(`${url.replace(/^http/, "ws")}${path}`, token, handlers),
  };
}

/** Resolves once it is open. */
function openSocket(address, token, { onFrame, onLost }) {
  return new Promise((resolve, reject) => {
    const mark = address.includes("?") ? "&" : "?";
    const socket = new WebSocket(`${address}${mark}token=${encodeURIComponent(token)}`);
    const lost = () => {
      const problem = new Problem(`The WebSocket ${address} was closed.`);
      reject(problem);
      onLost(problem);
    };
    socket.onopen = () => resolve(socket);
    socket.onmessage = ({ data }) => onFrame(JSON.parse(data));
    socket.onclose = lost;
    socket.onerror = lost;
  });
}

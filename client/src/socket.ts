// One connection for events over a WebSocket.

import { ConnectionError } from "./errors.ts";
import { watchSilence } from "./silence.ts";

const PING_EVERY_MS = 20_000;

/** Resolves when the connection is over, for whatever reason: a WebSocket does not tell which. */
export async function listenBySocket(
  url: string,
  hear: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const socket = openSocket(url);
  return new Promise((resolve) => {
    let pings: ReturnType<typeof setInterval> | null = null;
    const silence = watchSilence(end);

    function end(): void {
      silence.stop();
      if (pings !== null) clearInterval(pings);
      signal.removeEventListener("abort", end);
      socket.close();
      resolve();
    }

    socket.addEventListener("open", () => {
      pings = setInterval(() => socket.send("ping"), PING_EVERY_MS);
    });
    socket.addEventListener("message", ({ data }) => {
      if (signal.aborted) return;
      silence.broken();
      if (data !== "pong") hear(String(data));
    });
    socket.addEventListener("close", end);
    socket.addEventListener("error", end);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}

function openSocket(url: string): WebSocket {
  try {
    return new WebSocket(url);
  } catch (error) {
    // A page over https may not open a socket without it, for instance.
    throw new ConnectionError(`No WebSocket can be opened to ${new URL(url).origin}.`, error);
  }
}

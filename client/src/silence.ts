// Tells a connection that has died without a word, as they do when a phone changes networks, from one on which nothing happens.

/** The server greets at once. What keeps a connection from coming about (a proxy, say) often keeps silent about it. */
const GREETING_MS = 5_000;

/** The server-sent stream has a comment every 15 s, the WebSocket a pong every 20 s. */
const SILENCE_MS = 45_000;

export function watchSilence(onSilence: () => void): { broken(): void; stop(): void } {
  let timer = setTimeout(onSilence, GREETING_MS);
  return {
    broken() {
      clearTimeout(timer);
      timer = setTimeout(onSilence, SILENCE_MS);
    },
    stop: () => clearTimeout(timer),
  };
}

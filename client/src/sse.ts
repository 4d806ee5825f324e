// One connection for events over server-sent events, by fetch: unlike EventSource it can send a key.

import { createParser } from "eventsource-parser";
import { watchSilence } from "./silence.ts";

/** False: hang up. */
export type Hear = (text: string, event?: string) => unknown;

/** Resolves when the stream has ended or was cut; rejects with what `open` throws. */
export async function listenBySse(
  open: () => Promise<Response>,
  hear: Hear,
  signal: AbortSignal,
): Promise<void> {
  const { body } = await open();
  if (!body) return;
  const reader = body.getReader();
  const end = () => void reader.cancel().catch(() => {});
  const silence = watchSilence(end);
  const parser = createParser({ onEvent: ({ data, event }) => hear(data, event) === false && end() });
  const decoder = new TextDecoder();
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) return;
      silence.broken();
      parser.feed(decoder.decode(value, { stream: true }));
    }
  } catch {
    // Cut off: whoever listens comes back.
  } finally {
    silence.stop();
    signal.removeEventListener("abort", end);
  }
}

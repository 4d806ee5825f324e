// A completion on the wire: as server-sent events at the asked speed, or as one JSON document.

import { delay } from "../delay";
import type { Completion } from "./completion";
import type { SandboxOptions } from "./options";

export type Delivery = {
  id: string;
  model: string;
  completion: Completion;
  options: SandboxOptions;
  /** Stop after this many tokens, in the middle of everything. */
  cut: number | null;
  includeUsage: boolean;
  signal: AbortSignal | null;
};

// Timers under about 20 ms are not kept; a faster stream sends more tokens a piece.
const MIN_PIECE_MS = 20;
const UNPACED_PIECE_TOKENS = 16;

export function streamResponse(delivery: Delivery): Response {
  const events = streamEvents(delivery);
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done } = await events.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(`data: ${value}\n\n`));
      } catch (error) {
        controller.error(error);
      }
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

async function* streamEvents(delivery: Delivery): AsyncGenerator<string, void> {
  const { completion, options, cut, signal } = delivery;
  const { tokens, refusal, finishReason, usage } = completion;
  yield chunk(delivery, { role: "assistant", content: "" });
  await delay(options.ttft_ms, signal);
  const sent = cut === null ? tokens : tokens.slice(0, cut);
  const size = pieceTokens(options.tps);
  for (let start = 0; start < sent.length; start += size) {
    const piece = sent.slice(start, start + size);
    await delay(options.tps > 0 ? (piece.length / options.tps) * 1000 : 0, signal);
    yield chunk(delivery, { content: piece.join("") });
  }
  if (cut !== null) return;
  if (refusal) yield chunk(delivery, { refusal });
  yield chunk(delivery, {}, finishReason);
  if (usage && delivery.includeUsage) yield JSON.stringify({ ...envelope(delivery), choices: [], usage });
  yield "[DONE]";
}

function pieceTokens(tps: number): number {
  return tps > 0 ? Math.max(1, Math.round((tps * MIN_PIECE_MS) / 1000)) : UNPACED_PIECE_TOKENS;
}

function chunk(
  delivery: Delivery,
  delta: Record<string, unknown>,
  finishReason: string | null = null,
): string {
  const choices = [{ index: 0, delta, finish_reason: finishReason }];
  return JSON.stringify({ ...envelope(delivery), choices });
}

// `created` is zero, so that the same request is answered with the same bytes.
function envelope({ id, model }: Delivery) {
  return { id, object: "chat.completion.chunk", created: 0, model };
}

export async function jsonResponse(delivery: Delivery): Promise<Response> {
  const { completion, options, cut, signal } = delivery;
  const { tokens, refusal, finishReason, usage } = completion;
  const writingMs = options.tps > 0 ? (tokens.length / options.tps) * 1000 : 0;
  await delay(options.ttft_ms + writingMs, signal);
  const message = { role: "assistant", content: refusal ? null : tokens.join(""), refusal };
  const choices = [{ index: 0, message, finish_reason: finishReason }];
  const document = { ...envelope(delivery), object: "chat.completion", choices, ...(usage && { usage }) };
  const text = JSON.stringify(document);
  const body = cut === null ? text : text.slice(0, text.length / 2);
  return new Response(body, { headers: { "content-type": "application/json" } });
}

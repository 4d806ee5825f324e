// A completion on the wire: as server-sent events at the asked speed, or as one JSON document.

import { delay } from "../delay";
import { type CallPart, type Completion, cutParts, type Part, tokensIn } from "./completion";
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
  const { parts, refusal, finishReason, usage } = completion;
  yield chunk(delivery, { role: "assistant", content: "" });
  await delay(options.ttft_ms, signal);
  const size = pieceTokens(options.tps);
  for (const part of cut === null ? parts : cutParts(parts, cut)) {
    // A call is named before its arguments begin.
    if (part.kind === "call") yield chunk(delivery, firstOfCall(part));
    for (let start = 0; start < part.tokens.length; start += size) {
      const piece = part.tokens.slice(start, start + size);
      await delay(options.tps > 0 ? (piece.length / options.tps) * 1000 : 0, signal);
      yield chunk(delivery, deltaOf(part, piece.join("")));
    }
  }
  if (cut !== null) return;
  if (refusal) yield chunk(delivery, { refusal });
  yield chunk(delivery, {}, finishReason);
  if (usage && delivery.includeUsage) yield JSON.stringify({ ...envelope(delivery), choices: [], usage });
  yield "[DONE]";
}

function deltaOf(part: Part, text: string): Record<string, unknown> {
  if (part.kind === "call") return { tool_calls: [{ index: part.index, function: { arguments: text } }] };
  // As DeepSeek names it: OpenAI's own chat completions tell no reasoning.
  return part.kind === "reasoning" ? { reasoning_content: text } : { content: text };
}

function firstOfCall({ index, id, name }: CallPart): Record<string, unknown> {
  return { tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] };
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
  const { finishReason, usage } = completion;
  const writingMs = options.tps > 0 ? (tokensIn(completion.parts) / options.tps) * 1000 : 0;
  await delay(options.ttft_ms + writingMs, signal);
  const choices = [{ index: 0, message: messageOf(completion), finish_reason: finishReason }];
  const document = { ...envelope(delivery), object: "chat.completion", choices, ...(usage && { usage }) };
  const text = JSON.stringify(document);
  const body = cut === null ? text : text.slice(0, text.length / 2);
  return new Response(body, { headers: { "content-type": "application/json" } });
}

function messageOf({ parts, refusal }: Completion): Record<string, unknown> {
  const [text, reasoning] = [textOf(parts, "text"), textOf(parts, "reasoning")];
  const calls = parts.filter((part) => part.kind === "call").map(toolCallOf);
  return {
    role: "assistant",
    content: refusal || (calls.length > 0 && text === "") ? null : text,
    refusal,
    ...(reasoning && { reasoning_content: reasoning }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

function textOf(parts: Part[], kind: Part["kind"]): string {
  return parts.flatMap((part) => (part.kind === kind ? part.tokens : [])).join("");
}

function toolCallOf({ id, name, tokens }: CallPart) {
  return { id, type: "function", function: { name, arguments: tokens.join("") } };
}

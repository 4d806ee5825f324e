// What a sandbox chat model answers: what it thinks, says and calls, how it ends, and what it counts.

import { estimateTokens } from "../../core/usage";
import { sampleJson } from "./json-sample";
import { keepSentences } from "./keep";
import type { Faults, SandboxOptions } from "./options";
import { writeProse, writeReasoning } from "./prose";
import { type ChatBody, messageText, promptText } from "./request";
import { sampleCalls } from "./sample-calls";
import { toTokens } from "./tokens";

/** In the order in which they are said. */
export type Part = SpokenPart | CallPart;

type SpokenPart = { kind: "reasoning" | "text"; tokens: string[] };

/** The tokens are those of the arguments. */
export type CallPart = { kind: "call"; index: number; id: string; name: string; tokens: string[] };

export type Completion = {
  parts: Part[];
  refusal: string | null;
  finishReason: string;
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number } | null;
};

export function complete(body: ChatBody, options: SandboxOptions, faults: Faults): Completion {
  const refusal = options.refuse ? "Sorry, the sandbox was told to refuse this." : null;
  const all = refusal ? [] : partsOf(body, options, faults);
  const parts = cutParts(all, body.max_completion_tokens ?? body.max_tokens ?? tokensIn(all));
  const isCut = tokensIn(parts) < tokensIn(all);
  const ended = all.some(({ kind }) => kind === "call") ? "tool_calls" : "stop";
  const finishReason = options.finish ?? (isCut ? "length" : ended);
  return { parts, refusal, finishReason, usage: options.usage === "off" ? null : countUsage(body, parts) };
}

/** The first so many tokens. */
export function cutParts(parts: Part[], limit: number): Part[] {
  let left = limit;
  return parts.flatMap((part) => {
    if (left <= 0) return [];
    const tokens = part.tokens.slice(0, left);
    left -= tokens.length;
    return [{ ...part, tokens }];
  });
}

export function tokensIn(parts: Part[]): number {
  return parts.reduce((sum, { tokens }) => sum + tokens.length, 0);
}

function partsOf(body: ChatBody, options: SandboxOptions, faults: Faults): Part[] {
  const calls = sampleCalls(body, options);
  const text = calls.length > 0 ? (options.reply ?? "") : answerText(body, options, faults);
  const spoken: SpokenPart[] = [
    { kind: "reasoning", tokens: toTokens(reasoningText(body, options)) },
    { kind: "text", tokens: toTokens(text) },
  ];
  const called = calls.map(
    ({ arguments: json, ...call }, index): CallPart => ({
      kind: "call",
      index,
      ...call,
      tokens: toTokens(json),
    }),
  );
  return [...spoken, ...called];
}

function reasoningText(body: ChatBody, { reasoning = "" }: SandboxOptions): string {
  if (body.reasoning_effort === "none") return "";
  return reasoning === true ? writeReasoning(promptOf(body)) : reasoning;
}

function answerText(body: ChatBody, options: SandboxOptions, faults: Faults): string {
  if (faults.malformed) return '{"sandbox": "this JSON is cut off on purp';
  if (options.reply !== undefined) return options.reply;
  if (options.keep !== undefined) return keepSentences(promptOf(body), options.keep);
  const format = body.response_format?.type;
  if (format === "json_schema")
    return JSON.stringify(sampleJson(body.response_format?.json_schema?.schema ?? {}));
  const prompt = promptOf(body);
  if (format === "json_object") return JSON.stringify({ answer: writeProse(prompt, body.seed ?? 0, 20) });
  return writeProse(prompt, body.seed ?? 0, options.tokens);
}

function promptOf(body: ChatBody): string {
  return messageText(body.messages.findLast((message) => message.role === "user"));
}

function countUsage(body: ChatBody, parts: Part[]) {
  const promptTokens = estimateTokens(promptText(body));
  const tokens = tokensIn(parts);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: tokens,
    total_tokens: promptTokens + tokens,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: tokensIn(parts.filter(isReasoning)) },
  };
}

function isReasoning({ kind }: Part): boolean {
  return kind === "reasoning";
}

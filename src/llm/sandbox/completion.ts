// What a sandbox chat model answers: the text, how it ends, and what it counts.

import { estimateTokens } from "../../core/usage";
import { sampleJson } from "./json-sample";
import type { Faults, SandboxOptions } from "./options";
import { writeProse } from "./prose";
import { type ChatBody, messageText } from "./request";
import { toTokens } from "./tokens";

export type Completion = {
  tokens: string[];
  refusal: string | null;
  finishReason: string;
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number } | null;
};

export function complete(body: ChatBody, options: SandboxOptions, faults: Faults): Completion {
  const refusal = options.refuse ? "Sorry, the sandbox was told to refuse this." : null;
  const all = refusal ? [] : toTokens(answerText(body, options, faults));
  const limit = body.max_completion_tokens ?? body.max_tokens ?? all.length;
  const tokens = all.slice(0, limit);
  const finishReason = options.finish ?? (tokens.length < all.length ? "length" : "stop");
  return { tokens, refusal, finishReason, usage: options.usage === "off" ? null : countUsage(body, tokens) };
}

function answerText(body: ChatBody, options: SandboxOptions, faults: Faults): string {
  if (faults.malformed) return '{"sandbox": "this JSON is cut off on purp';
  if (options.reply !== undefined) return options.reply;
  const format = body.response_format?.type;
  if (format === "json_schema")
    return JSON.stringify(sampleJson(body.response_format?.json_schema?.schema ?? {}));
  const prompt = messageText(body.messages.findLast((message) => message.role === "user"));
  if (format === "json_object") return JSON.stringify({ answer: writeProse(prompt, body.seed ?? 0, 20) });
  return writeProse(prompt, body.seed ?? 0, options.tokens);
}

function countUsage(body: ChatBody, tokens: string[]) {
  const promptTokens = estimateTokens(body.messages.map(messageText).join("\n"));
  return {
    prompt_tokens: promptTokens,
    completion_tokens: tokens.length,
    total_tokens: promptTokens + tokens.length,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
}

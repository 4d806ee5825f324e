// One chat completion, always streamed, gathered into one answer.

import type OpenAI from "openai";
import type {
  ChatCompletionChunk,
  ChatCompletionCreateParamsStreaming,
} from "openai/resources/chat/completions";
import type { CompletionUsage } from "openai/resources/completions";
import { AppError } from "../core/errors";
import { estimateTokens } from "../core/usage";
import { wordsOf } from "./chat-delta";
import type { ChatRequest } from "./llm";
import type { Model } from "./models";
import { promptText } from "./prompt-text";
import type { TokenCounts } from "./provider-call";
import { ToolCalls } from "./tool-calls";

/** What has come so far: still there when the stream breaks, so that what was used can be counted. */
export type ChatAnswer = {
  text: string;
  reasoning: string;
  toolCalls: ToolCalls;
  refusal: string;
  finishReason: string | null;
  tokens: TokenCounts | null;
};

export function emptyAnswer(): ChatAnswer {
  return {
    ...{ text: "", reasoning: "", toolCalls: new ToolCalls(), refusal: "" },
    ...{ finishReason: null, tokens: null },
  };
}

type StreamChat = {
  client: OpenAI;
  model: Model;
  baseUrl: string;
  request: ChatRequest;
  signal: AbortSignal;
  answer: ChatAnswer;
  /** Called when the headers are there. */
  onStart(): void;
};

/** Fills `answer`. Throws when the stream ends before it said why, and when the content was refused. */
export async function streamChat(call: StreamChat): Promise<void> {
  const { client, model, baseUrl, request, signal, answer } = call;
  const stream = await client.chat.completions.create(chatBody(model, baseUrl, request), { signal });
  call.onStart();
  for await (const chunk of stream) {
    // Optional all the way: compatible servers send chunks without choices, and choices without delta.
    if (chunk?.usage) answer.tokens = toTokenCounts(chunk.usage);
    const choice = chunk?.choices?.[0];
    if (choice?.finish_reason) answer.finishReason = choice.finish_reason;
    if (choice?.delta) hear(choice.delta, answer, request);
  }
  // Also after an abort, on which the SDK ends the loop in silence: classifyProviderError looks at the signal.
  if (answer.finishReason === null) throw new AppError("stream_cut");
  if (answer.finishReason === "content_filter" || answer.refusal) throw new AppError("content_refused");
}

function hear(delta: ChatCompletionChunk.Choice.Delta, answer: ChatAnswer, request: ChatRequest): void {
  const { text, reasoning } = wordsOf(delta);
  answer.refusal += delta.refusal ?? "";
  answer.reasoning += reasoning;
  answer.text += text;
  if (reasoning) request.onReasoning?.(reasoning);
  if (text) request.onText?.(text);
  for (const piece of delta.tool_calls ?? []) {
    const told = answer.toolCalls.add(piece);
    if (told) request.onToolCall?.(told);
  }
}

function chatBody(model: Model, baseUrl: string, request: ChatRequest): ChatCompletionCreateParamsStreaming {
  const body = {
    messages: request.messages,
    temperature: request.temperature,
    top_p: request.top_p,
    stop: request.stop,
    seed: request.seed,
    reasoning_effort: request.reasoning_effort,
    response_format: request.response_format,
    tools: request.tools,
    tool_choice: request.tool_choice,
    parallel_tool_calls: request.parallel_tool_calls,
    metadata: request.metadata,
    [outputLimitField(baseUrl)]: request.max_output_tokens,
    stream_options: { include_usage: true },
    ...request.provider_options,
    // After the options: the job is priced, limited and read as this model's stream.
    model: model.name,
    stream: true,
  };
  // `as`, because provider_options may hold anything and our messages are looser than the SDK's.
  return body as ChatCompletionCreateParamsStreaming;
}

/**
 * OpenAI's reasoning models refuse `max_tokens`; vLLM, Ollama, Groq and others partly know nothing else, and
 * would ignore a limit under a name they do not know. So it depends on who listens.
 */
function outputLimitField(baseUrl: string): string {
  const host = new URL(baseUrl).hostname;
  const openai = host === "api.openai.com" || /\.(api\.openai\.com|openai\.azure\.com)$/.test(host);
  return openai ? "max_completion_tokens" : "max_tokens";
}

function toTokenCounts(usage: CompletionUsage): TokenCounts {
  return {
    input_tokens: usage.prompt_tokens ?? 0,
    output_tokens: usage.completion_tokens ?? 0,
    cached_tokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
    reasoning_tokens: usage.completion_tokens_details?.reasoning_tokens ?? 0,
  };
}

/** For a provider that sends no usage, or whose stream broke before it could. */
export function estimateChatTokens(request: ChatRequest, answer: ChatAnswer): TokenCounts {
  const { text, reasoning, refusal, toolCalls } = answer;
  const calls = toolCalls.all.map((call) => call.name + call.arguments).join("");
  return {
    input_tokens: estimateTokens(promptText(request)),
    output_tokens: estimateTokens(reasoning + text + refusal + calls),
    cached_tokens: 0,
    reasoning_tokens: estimateTokens(reasoning),
  };
}

// What a task sees of the models: chat and embeddings, as plain values.

import type { Usage } from "../core/usage";

/** A chat message as OpenAI's chat completions take it. `content` may be text or a list of text and image parts. */
export type ChatMessage = {
  role: "system" | "developer" | "user" | "assistant";
  content: string | ChatPart[];
};

export type ChatPart =
  | { type: "text"; text: string }
  | { type: "image_url"; image_url: { url: string; detail?: "auto" | "low" | "high" } };

export type ChatRequest = {
  /** `provider/model`. */
  model: string;
  messages: ChatMessage[];
  max_output_tokens?: number;
  temperature?: number;
  top_p?: number;
  stop?: string | string[];
  seed?: number;
  reasoning_effort?: string;
  response_format?: unknown;
  metadata?: Record<string, string>;
  /** Merged into the request body last, for what this type does not name. */
  provider_options?: Record<string, unknown>;
  /** Called with each piece of text as it comes. */
  onText?(delta: string): void;
};

export type ChatResult = {
  text: string;
  /** `stop`, `length`, or another of the provider's words. */
  finish_reason: string;
  usage: Usage;
};

export type EmbedRequest = {
  model: string;
  inputs: string[];
  dimensions?: number;
  provider_options?: Record<string, unknown>;
  /** Called after each provider call with how many inputs are done. */
  onProgress?(done: number, total: number): void;
};

export type EmbedResult = {
  /** One vector per input, in order. */
  vectors: number[][];
  usage: Usage;
};

/**
 * Errors: AppError with a provider code (see core/errors.ts), or `cancelled` / `timeout` when the run's signal aborted.
 */
export type Llm = {
  chat(request: ChatRequest): Promise<ChatResult>;
  embed(request: EmbedRequest): Promise<EmbedResult>;
};

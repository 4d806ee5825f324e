// What a task sees of the models: chat and embeddings, as plain values.

import type { ToolCall } from "../core/tool-call";
import type { Usage } from "../core/usage";
import type { Model, ModelKind } from "./models";

/** A chat message as OpenAI's chat completions take it. `content` may be text or a list of text and image parts. */
export type ChatMessage =
  | { role: "system" | "developer" | "user"; content: string | ChatPart[] }
  | { role: "assistant"; content?: string | ChatPart[] | null; tool_calls?: MessageToolCall[] }
  | { role: "tool"; content: string | ChatPart[]; tool_call_id: string };

/** What the model has called in an earlier answer, and is told again. */
export type MessageToolCall = {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
};

export type ChatPart =
  | { type: "text"; text: string }
  | { type: "image_url"; image_url: { url: string; detail?: "auto" | "low" | "high" } };

/** A function that the model may call, with the JSON schema of its arguments. */
export type Tool = {
  type: "function";
  function: { name: string; description?: string; parameters?: Record<string, unknown>; strict?: boolean };
};

export type ToolChoice = "none" | "auto" | "required" | { type: "function"; function: { name: string } };

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
  tools?: Tool[];
  tool_choice?: ToolChoice;
  parallel_tool_calls?: boolean;
  metadata?: Record<string, string>;
  /** Merged into the request body last, for what this type does not name. */
  provider_options?: Record<string, unknown>;
  /** Called with each piece of text as it comes. */
  onText?(delta: string): void;
  onReasoning?(delta: string): void;
  /** Called with each piece of a call's arguments, under the call's id and name. */
  onToolCall?(piece: ToolCall): void;
};

export type ChatResult = {
  text: string;
  /** What the model has thought before it spoke, as far as the provider tells. */
  reasoning: string;
  tool_calls: ToolCall[];
  /** `stop`, `length`, `tool_calls`, or another of the provider's words. */
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

export type ModelLimits = Pick<Model, "maxInputs" | "maxTokensPerCall">;

/**
 * Errors: AppError with a provider code (see core/errors.ts), or `cancelled` / `timeout` when the run's signal aborted.
 */
export type Llm = {
  /** What a model takes at once. `model`: a name as in an input; undefined: the default one. Throws `unknown_model`. */
  limits(model: string | undefined, kind: ModelKind): ModelLimits;
  chat(request: ChatRequest): Promise<ChatResult>;
  embed(request: EmbedRequest): Promise<EmbedResult>;
};

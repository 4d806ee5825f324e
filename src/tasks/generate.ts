// Task `generate`: text, JSON or tool calls from a chat model.

import { z } from "zod";
import { done } from "../core/outcome";
import type { ChatMessage, ChatRequest, ChatResult } from "../llm/llm";
import { promptText } from "../llm/prompt-text";
import { askJson } from "./ask-json";
import { defineTask, type TaskContext } from "./define";
import { type GenerateInput, generateInput } from "./generate-input";

const output = z.strictObject({
  text: z.string(),
  /** The parsed answer, when `response_format` asked for JSON. */
  json: z.unknown().optional(),
  reasoning: z.string().optional(),
  /** `arguments` is JSON text as the model has written it: it may not fit the schema. */
  tool_calls: z.array(z.strictObject({ id: z.string(), name: z.string(), arguments: z.string() })).optional(),
  finish_reason: z.string(),
  model: z.string(),
});

type Output = z.infer<typeof output>;

export const generate = defineTask<GenerateInput, Output>({
  name: "generate",
  description: "Text, JSON or tool calls from a chat model. Streams while it runs.",
  kind: "chat",
  input: generateInput,
  output,
  defaults: { max_attempts: 5, timeout_s: 600 },
  size: (input) => ({ chars: charsOf(input), maxOutputTokens: input.max_output_tokens ?? null }),
  partial: ({ text, reasoning }, model) => ({
    text,
    ...(reasoning && { reasoning }),
    finish_reason: "cancelled",
    model,
  }),

  async run(input, ctx) {
    const { prompt, instructions, messages, model, ...settings } = input;
    const request: ChatRequest = {
      ...settings,
      model: ctx.model,
      messages: toMessages(input),
      onText: (text) => ctx.stream.write(text),
      onReasoning: (text) => ctx.stream.reasoning(text),
      onToolCall: (piece) => ctx.stream.toolCall(piece),
    };
    const format = input.response_format;
    if (!format || format.type === "text") return done(toOutput(await ctx.llm.chat(request), ctx));
    const schema = format.type === "json_schema" ? format.json_schema.schema : null;
    return askJson(ctx, request, schema, (answer, json) => ({
      ...toOutput(answer, ctx),
      ...(json !== undefined && { json }),
    }));
  },
});

function toMessages({ prompt, instructions, messages }: GenerateInput): ChatMessage[] {
  // `system`, not `developer`: every compatible server knows it, and OpenAI takes it for either.
  const system: ChatMessage[] = instructions ? [{ role: "system", content: instructions }] : [];
  return [...system, ...(messages ?? [{ role: "user" as const, content: prompt ?? "" }])];
}

/** An image is some hundreds of tokens, however long its address is. */
const CHARS_OF_IMAGE = 3_000;

function charsOf(input: GenerateInput): number {
  const messages = toMessages(input);
  const images = messages.reduce((sum, { content }) => sum + imagesIn(content), 0);
  return promptText({ messages, tools: input.tools }).length + images * CHARS_OF_IMAGE;
}

function imagesIn(content: ChatMessage["content"]): number {
  return Array.isArray(content) ? content.filter(({ type }) => type === "image_url").length : 0;
}

function toOutput({ text, reasoning, tool_calls, finish_reason }: ChatResult, ctx: TaskContext): Output {
  return {
    text,
    ...(reasoning && { reasoning }),
    ...(tool_calls.length > 0 && { tool_calls }),
    finish_reason,
    model: ctx.model,
  };
}

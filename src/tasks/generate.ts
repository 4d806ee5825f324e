// Task `generate`: text, JSON or tool calls from a chat model.

import { z } from "zod";
import { AppError } from "../core/errors";
import { again, done, type Outcome } from "../core/outcome";
import type { ChatMessage, ChatRequest, ChatResult } from "../llm/llm";
import { promptText } from "../llm/prompt-text";
import { checkAnswer, type JsonSchema } from "../llm/structured";
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
    const messages = toMessages(input);
    const format = input.response_format;
    const schema = format?.type === "json_schema" ? format.json_schema.schema : null;
    const begun = repairState.safeParse(ctx.state);
    if (begun.success) return repair(input, messages, begun.data, schema, ctx);
    const answer = await ask(input, messages, ctx, {
      onText: (text) => ctx.stream.write(text),
      onReasoning: (text) => ctx.stream.reasoning(text),
      onToolCall: (piece) => ctx.stream.toolCall(piece),
    });
    if (answer.tool_calls.length > 0 || !format || format.type === "text") return done(toOutput(answer, ctx));
    const first = checkJson(answer, schema);
    if (first.ok) return done({ ...toOutput(answer, ctx), json: first.value });
    ctx.log("generate.repair", { problems: first.problems.length });
    return repair(input, messages, { answer: answer.text, problems: first.problems }, schema, ctx);
  },
});

/** What a turn leaves for the next one: an answer that is paid for, and what is wrong with it. */
const repairState = z.object({ answer: z.string(), problems: z.array(z.string()) });

/**
 * One repair round, not streamed: who watches has seen an answer, and a second would run into the first. When its turn at the
 * gate is far away, the job goes back into the line with what it has.
 */
async function repair(
  input: GenerateInput,
  messages: ChatMessage[],
  wrong: z.infer<typeof repairState>,
  schema: JsonSchema | null,
  ctx: TaskContext,
): Promise<Outcome<Output>> {
  try {
    const settings = input.tools ? { ...input, tool_choice: "none" as const } : input;
    const repaired = await ask(settings, [...messages, ...repairMessages(wrong)], ctx);
    const second = checkJson(repaired, schema);
    if (second.ok) return done({ ...toOutput(repaired, ctx), json: second.value });
  } catch (error) {
    if (!(error instanceof AppError && error.code === "gate_wait")) throw error;
    return again(wrong, error.retryAfterMs ?? 0);
  }
  throw new AppError("output_invalid");
}

function checkJson(answer: ChatResult, schema: JsonSchema | null) {
  if (answer.finish_reason === "length") throw new AppError("output_truncated");
  return checkAnswer(answer.text, schema);
}

function repairMessages({ answer, problems }: z.infer<typeof repairState>): ChatMessage[] {
  const list = problems.map((problem) => `- ${problem}`).join("\n");
  const content = `Your answer does not fit the request:\n${list}\nAnswer again, with the right JSON only.`;
  return [
    { role: "assistant", content: answer },
    { role: "user", content },
  ];
}

type Listeners = Pick<ChatRequest, "onText" | "onReasoning" | "onToolCall">;

function ask(input: GenerateInput, messages: ChatMessage[], ctx: TaskContext, listeners: Listeners = {}) {
  const { prompt, instructions, messages: _, model, ...settings } = input;
  return ctx.llm.chat({ ...settings, model: ctx.model, messages, ...listeners });
}

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

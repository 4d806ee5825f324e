// Task `generate`: text or JSON from a chat model.

import { z } from "zod";
import { AppError } from "../core/errors";
import { again, done, type Outcome } from "../core/outcome";
import type { ChatMessage, ChatResult } from "../llm/llm";
import { schemaProblems } from "../llm/schema-problems";
import { checkAnswer, type JsonSchema } from "../llm/structured";
import { defineTask, type TaskContext } from "./define";
import { providerOptions } from "./provider-options";

const part = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text"), text: z.string() }),
  z.strictObject({
    type: z.literal("image_url"),
    image_url: z.strictObject({
      url: z.string().regex(/^(https?:\/\/|data:image\/)/, "expected an http(s) or data:image URL"),
      detail: z.enum(["auto", "low", "high"]).optional(),
    }),
  }),
]);

const message = z.strictObject({
  role: z.enum(["system", "developer", "user", "assistant"]),
  content: z.union([z.string(), z.array(part).min(1)]),
});

const jsonSchemaFormat = z.strictObject({
  name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, "expected 1 to 64 letters, digits, hyphens or underscores"),
  schema: z.record(z.string(), z.unknown()).superRefine((schema, ctx) => {
    for (const { path, message } of schemaProblems(schema)) ctx.addIssue({ code: "custom", path, message });
  }),
  strict: z.boolean().optional(),
  description: z.string().optional(),
});

const responseFormat = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({ type: z.literal("json_schema"), json_schema: jsonSchemaFormat }),
]);

// OpenAI's own bounds. It takes metadata only together with `provider_options: {"store": true}`, which is
// for the user to say, because it keeps the prompt at OpenAI.
const metadata = z
  .record(z.string().max(64), z.string().max(512))
  .refine((fields) => Object.keys(fields).length <= 16, "expected at most 16 keys");

const input = z
  .strictObject({
    prompt: z.string().min(1).optional(),
    messages: z.array(message).min(1).max(1000).optional(),
    instructions: z.string().min(1).optional(),
    model: z.string().min(1).max(300).optional(),
    max_output_tokens: z.int().min(1).max(1_000_000).optional(),
    temperature: z.number().min(0).max(2).optional(),
    top_p: z.number().min(0).max(1).optional(),
    stop: z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(4)]).optional(),
    seed: z.int().optional(),
    reasoning_effort: z.enum(["none", "minimal", "low", "medium", "high", "xhigh", "max"]).optional(),
    response_format: responseFormat.optional(),
    metadata: metadata.optional(),
    provider_options: providerOptions(["model", "messages", "stream"]).optional(),
  })
  .superRefine(({ prompt, messages }, ctx) => {
    if ((prompt === undefined) !== (messages === undefined)) return;
    ctx.addIssue({ code: "custom", path: ["prompt"], message: "expected either `prompt` or `messages`" });
  });

const output = z.strictObject({
  text: z.string(),
  /** The parsed answer, when `response_format` asked for JSON. */
  json: z.unknown().optional(),
  finish_reason: z.string(),
  model: z.string(),
});

type Input = z.infer<typeof input>;
type Output = z.infer<typeof output>;

export const generate = defineTask<Input, Output>({
  name: "generate",
  description: "Text or JSON from a chat model. Streams while it runs.",
  kind: "chat",
  input,
  output,
  defaults: { max_attempts: 5, timeout_s: 600 },
  size: (input) => ({ chars: charsOf(input), maxOutputTokens: input.max_output_tokens ?? null }),
  partial: (text, model) => ({ text, finish_reason: "cancelled", model }),

  async run(input, ctx) {
    const messages = toMessages(input);
    const format = input.response_format;
    const schema = format?.type === "json_schema" ? format.json_schema.schema : null;
    const begun = repairState.safeParse(ctx.state);
    if (begun.success) return repair(input, messages, begun.data, schema, ctx);
    const answer = await ask(input, messages, ctx, (text) => ctx.stream.write(text));
    if (!format || format.type === "text") return done(toOutput(answer, ctx));
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
  input: Input,
  messages: ChatMessage[],
  wrong: z.infer<typeof repairState>,
  schema: JsonSchema | null,
  ctx: TaskContext,
): Promise<Outcome<Output>> {
  try {
    const repaired = await ask(input, [...messages, ...repairMessages(wrong)], ctx);
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

function ask(input: Input, messages: ChatMessage[], ctx: TaskContext, onText?: (text: string) => void) {
  const { prompt, instructions, messages: _, model, ...settings } = input;
  return ctx.llm.chat({ ...settings, model: ctx.model, messages, onText });
}

function toMessages({ prompt, instructions, messages }: Input): ChatMessage[] {
  // `system`, not `developer`: every compatible server knows it, and OpenAI takes it for either.
  const system: ChatMessage[] = instructions ? [{ role: "system", content: instructions }] : [];
  return [...system, ...(messages ?? [{ role: "user" as const, content: prompt ?? "" }])];
}

/** An image is some hundreds of tokens, however long its address is. */
const CHARS_OF_IMAGE = 3_000;

function charsOf(input: Input): number {
  return toMessages(input).reduce((sum, { content }) => sum + charsIn(content), 0);
}

function charsIn(content: ChatMessage["content"]): number {
  if (typeof content === "string") return content.length;
  return content.reduce((sum, part) => sum + (part.type === "text" ? part.text.length : CHARS_OF_IMAGE), 0);
}

function toOutput(answer: ChatResult, ctx: TaskContext): Output {
  return { text: answer.text, finish_reason: answer.finish_reason, model: ctx.model };
}

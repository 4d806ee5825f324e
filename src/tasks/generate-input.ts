// The input of task `generate`: a prompt or messages, settings, tools, and the shape of the answer.

import { z } from "zod";
import { schemaProblems } from "../llm/schema-problems";
import { providerOptions } from "./provider-options";

const textPart = z.strictObject({ type: z.literal("text"), text: z.string() });

const part = z.discriminatedUnion("type", [
  textPart,
  z.strictObject({
    type: z.literal("image_url"),
    image_url: z.strictObject({
      url: z.string().regex(/^(https?:\/\/|data:image\/)/, "expected an http(s) or data:image URL"),
      detail: z.enum(["auto", "low", "high"]).optional(),
    }),
  }),
]);

const content = z.union([z.string(), z.array(part).min(1)]);

const messageToolCall = z.strictObject({
  id: z.string().min(1),
  type: z.literal("function"),
  function: z.strictObject({ name: z.string().min(1), arguments: z.string() }),
});

const assistantMessage = z
  .strictObject({
    role: z.literal("assistant"),
    content: content.nullish(),
    tool_calls: z.array(messageToolCall).min(1).optional(),
  })
  .refine(({ content, tool_calls }) => (content ?? tool_calls) !== undefined, {
    path: ["content"],
    message: "expected text, unless the message has `tool_calls`",
  });

const message = z.discriminatedUnion(
  "role",
  [
    z.strictObject({ role: z.enum(["system", "developer", "user"]), content }),
    assistantMessage,
    z.strictObject({
      role: z.literal("tool"),
      content: z.union([z.string(), z.array(textPart).min(1)]),
      tool_call_id: z.string().min(1),
    }),
  ],
  'expected "system", "developer", "user", "assistant" or "tool"',
);

const name = z
  .string()
  .regex(/^[a-zA-Z0-9_-]{1,64}$/, "expected 1 to 64 letters, digits, hyphens or underscores");

/** A JSON schema that can be used. */
export const jsonSchema = z.record(z.string(), z.unknown()).superRefine((schema, ctx) => {
  for (const { path, message } of schemaProblems(schema)) ctx.addIssue({ code: "custom", path, message });
});

const jsonSchemaFormat = z.strictObject({
  name,
  schema: jsonSchema,
  strict: z.boolean().optional(),
  description: z.string().optional(),
});

const responseFormat = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({ type: z.literal("json_schema"), json_schema: jsonSchemaFormat }),
]);

const tool = z.strictObject({
  type: z.literal("function"),
  function: z.strictObject({
    name,
    description: z.string().optional(),
    // Not looked into: which keywords of JSON Schema there are is for the provider to say.
    parameters: z.record(z.string(), z.unknown()).optional(),
    strict: z.boolean().optional(),
  }),
});

const toolChoice = z.union([
  z.enum(["none", "auto", "required"]),
  z.strictObject({ type: z.literal("function"), function: z.strictObject({ name }) }),
]);

// OpenAI's own bounds. It takes metadata only together with `provider_options: {"store": true}`, which is
// for the user to say, because it keeps the prompt at OpenAI.
const metadata = z
  .record(z.string().max(64), z.string().max(512))
  .refine((fields) => Object.keys(fields).length <= 16, "expected at most 16 keys");

export const generateFields = z.strictObject({
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
  tools: z.array(tool).min(1).max(128).optional(),
  tool_choice: toolChoice.optional(),
  parallel_tool_calls: z.boolean().optional(),
  metadata: metadata.optional(),
  provider_options: providerOptions(["model", "messages", "stream"]).optional(),
});

export type GenerateInput = z.infer<typeof generateFields>;

export const generateInput = generateFields.superRefine((input, ctx) => {
  for (const { path, message } of problemsOf(input)) ctx.addIssue({ code: "custom", path, message });
});

type Problem = { path: string[]; message: string };

function problemsOf(input: GenerateInput): Problem[] {
  const { prompt, messages, tools, tool_choice: choice } = input;
  const isEither = (prompt === undefined) !== (messages === undefined);
  const problems = isEither ? [] : [{ path: ["prompt"], message: "expected either `prompt` or `messages`" }];
  if (!tools) return [...problems, ...withoutTools(input)];
  const wanted = typeof choice === "object" ? choice.function.name : null;
  if (wanted === null || tools.some((tool) => tool.function.name === wanted)) return problems;
  const path = ["tool_choice", "function", "name"];
  return [...problems, { path, message: `expected the name of one of \`tools\`, not "${wanted}"` }];
}

function withoutTools(input: GenerateInput): Problem[] {
  const given = (["tool_choice", "parallel_tool_calls"] as const).filter((name) => input[name] !== undefined);
  return given.map((name) => ({ path: [name], message: "expected `tools` beside it" }));
}

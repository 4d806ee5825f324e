// What the sandbox reads of a chat or embeddings request; everything else in the body is taken and ignored.

import { z } from "zod";

const part = z.looseObject({ type: z.string(), text: z.string().optional() });

const message = z.looseObject({
  role: z.string(),
  content: z.union([z.string(), z.array(part)]).nullish(),
  tool_calls: z.array(z.unknown()).optional(),
});

const tool = z.looseObject({
  type: z.literal("function"),
  function: z.looseObject({
    name: z.string(),
    parameters: z.record(z.string(), z.unknown()).nullish(),
  }),
});

const toolChoice = z.union([z.string(), z.looseObject({ function: z.looseObject({ name: z.string() }) })]);

export const chatBody = z.looseObject({
  model: z.string(),
  messages: z.array(message).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
  max_tokens: z.int().positive().nullish(),
  max_completion_tokens: z.int().positive().nullish(),
  seed: z.number().nullish(),
  reasoning_effort: z.string().nullish(),
  tools: z.array(tool).nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: z
    .looseObject({
      type: z.string(),
      json_schema: z.looseObject({ schema: z.record(z.string(), z.unknown()).optional() }).optional(),
    })
    .nullish(),
  sandbox: z.unknown().optional(),
});

export const embeddingsBody = z.looseObject({
  model: z.string(),
  input: z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(2048)]),
  dimensions: z.int().min(1).max(4096).default(256),
  sandbox: z.unknown().optional(),
});

export type ChatBody = z.infer<typeof chatBody>;

export type SandboxTool = z.infer<typeof tool>;

export function messageText(message: ChatBody["messages"][number] | undefined): string {
  const content = message?.content ?? "";
  return typeof content === "string" ? content : content.map((item) => item.text ?? "").join("\n");
}

/** All that the model reads: the texts, and the JSON of calls and tools. */
export function promptText({ messages, tools }: ChatBody): string {
  const calls = messages.flatMap((message) => message.tool_calls ?? []);
  const json = [...calls, ...(tools ?? [])].map((one) => JSON.stringify(one));
  return [...messages.map(messageText), ...json].join("\n");
}

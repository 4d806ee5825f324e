// All that a model reads of a chat request as text, for estimates of its size. Images are left out.

import type { ChatMessage, ChatRequest } from "./llm";

export function promptText({ messages, tools }: Pick<ChatRequest, "messages" | "tools">): string {
  return [...messages.map(messageText), ...(tools ?? []).map((tool) => JSON.stringify(tool))].join("\n");
}

function messageText(message: ChatMessage): string {
  const calls = message.role === "assistant" ? (message.tool_calls ?? []) : [];
  const called = calls.map(({ function: { name, arguments: text } }) => name + text);
  return [...contentTexts(message.content), ...called].join("\n");
}

function contentTexts(content: ChatMessage["content"]): string[] {
  if (typeof content === "string") return [content];
  return (content ?? []).map((part) => (part.type === "text" ? part.text : ""));
}

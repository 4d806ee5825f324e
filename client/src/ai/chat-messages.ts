// The messages of a chat as those of the task `generate`.

import type { DynamicToolUIPart, FileUIPart, ToolUIPart, UIMessage } from "ai";
import type { ContentPart, Message } from "../task-types.ts";

type Parts = UIMessage["parts"];
type ToolPart = ToolUIPart | DynamicToolUIPart;

/**
 * Text of all, images of users, and calls of tools that were answered. Reasoning, data and calls without an answer are left
 * out, and messages of which nothing remains.
 */
export function toGenerateMessages(messages: readonly UIMessage[]): Message[] {
  return messages.flatMap(({ role, parts }, i): Message[] => {
    if (role === "assistant") return stepsOf(parts).flatMap(readStep);
    const content = role === "user" ? readContent(parts, `messages[${i}]`) : readText(parts);
    return content.length === 0 ? [] : [{ role, content }];
  });
}

/** What the model has said before it heard the answers of its tools, and what after. */
function stepsOf(parts: Parts): Parts[] {
  const steps: Parts[] = [[]];
  for (const part of parts) {
    if (part.type === "step-start") steps.push([]);
    else steps.at(-1)?.push(part);
  }
  return steps;
}

function readStep(parts: Parts): Message[] {
  const text = readText(parts);
  const answers = parts.filter(isTool).flatMap((part): [ToolPart, string][] => {
    const answer = readAnswer(part);
    return answer === null ? [] : [[part, answer]];
  });
  if (answers.length === 0) return text === "" ? [] : [{ role: "assistant", content: text }];
  const calls = answers.map(([part]) => ({
    id: part.toolCallId,
    type: "function" as const,
    function: { name: nameOf(part), arguments: JSON.stringify(part.input ?? {}) },
  }));
  const told = answers.map(([part, content]): Message => {
    return { role: "tool", tool_call_id: part.toolCallId, content };
  });
  return [{ role: "assistant", content: text || null, tool_calls: calls }, ...told];
}

function isTool(part: Parts[number]): part is ToolPart {
  return part.type === "dynamic-tool" || part.type.startsWith("tool-");
}

function nameOf(part: ToolPart): string {
  return part.type === "dynamic-tool" ? part.toolName : part.type.slice("tool-".length);
}

/** Null: none yet. */
function readAnswer(part: ToolPart): string | null {
  switch (part.state) {
    case "output-available":
      return typeof part.output === "string" ? part.output : JSON.stringify(part.output ?? null);
    case "output-error":
      return `Error: ${part.errorText}`;
    case "output-denied":
      return "Error: The user did not allow this call.";
    default:
      return null;
  }
}

function readText(parts: Parts): string {
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

function readContent(parts: Parts, place: string): string | ContentPart[] {
  if (!parts.some(({ type }) => type === "file")) return readText(parts);
  return parts.flatMap((part, i): ContentPart[] => {
    if (part.type === "text") return [{ type: "text", text: part.text }];
    return part.type === "file" ? [readImage(part, `${place}.parts[${i}]`)] : [];
  });
}

function readImage({ mediaType, url }: FileUIPart, place: string): ContentPart {
  if (/^image(\/|$)/.test(mediaType)) return { type: "image_url", image_url: { url } };
  throw new TypeError(
    `${place} is a file of type ${mediaType}, and only images can be sent. Leave it out, or turn the messages into an input of your own with \`input\`.`,
  );
}

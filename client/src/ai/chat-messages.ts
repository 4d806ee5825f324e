// The messages of a chat as those of the task `generate`.

import type { FileUIPart, UIMessage } from "ai";
import type { ContentPart, Message } from "../task-types.ts";

/** Text of all, and images of users. Reasoning, tool calls and data are left out, and messages without any text. */
export function toGenerateMessages(messages: readonly UIMessage[]): Message[] {
  return messages.flatMap(({ role, parts }, i): Message[] => {
    const content = role === "user" ? readContent(parts, `messages[${i}]`) : readText(parts);
    return content.length === 0 ? [] : [{ role, content }];
  });
}

function readText(parts: UIMessage["parts"]): string {
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

function readContent(parts: UIMessage["parts"], place: string): string | ContentPart[] {
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

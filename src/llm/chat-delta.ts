// The words in one piece of a streamed answer, under whatever names servers give them.

/** `reasoning_content`: DeepSeek, Qwen, older vLLM. `reasoning`: OpenRouter, Groq, Ollama, vLLM. Lists of parts: Mistral. */
export type ChatDelta = { content?: unknown; reasoning_content?: unknown; reasoning?: unknown };

export function wordsOf({ content, reasoning_content, reasoning }: ChatDelta): {
  text: string;
  reasoning: string;
} {
  const parts: unknown[] = Array.isArray(content) ? content : [content];
  const thought = parts.map((part) => (isThinking(part) ? joinedText(part.thinking) : "")).join("");
  return {
    text: joinedText(content),
    // Servers that know both names send the same words under each.
    reasoning: joinedText(reasoning_content) || joinedText(reasoning) || thought,
  };
}

function joinedText(said: unknown): string {
  if (typeof said === "string") return said;
  if (Array.isArray(said)) return said.map(joinedText).join("");
  const text = typeof said === "object" && said !== null && "text" in said ? said.text : null;
  return typeof text === "string" ? text : "";
}

function isThinking(part: unknown): part is { thinking: unknown } {
  return typeof part === "object" && part !== null && "thinking" in part;
}

// An answer that is there already, as the messages that a stream would have had of it.

import type { LogMessage } from "./job-log";

/** Of a completed job. Outputs of other tasks than those that call a model have an end only, or a text if they have one. */
export function answerMessages(output: unknown): LogMessage[] {
  const { text, reasoning, tool_calls } = Object(output) as Record<string, unknown>;
  const calls = Array.isArray(tool_calls) ? tool_calls : [];
  return [
    ...(isWords(reasoning) ? [{ type: "reasoning" as const, text: reasoning }] : []),
    ...(isWords(text) ? [{ type: "text" as const, text }] : []),
    ...calls.flatMap(({ id, name, arguments: said }): LogMessage[] =>
      isWords(id) && isWords(name) ? [{ type: "tool_call", id, name, arguments: String(said) }] : [],
    ),
    { type: "end", state: "completed", error: null },
  ];
}

function isWords(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

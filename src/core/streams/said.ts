// What a reader shows of the messages of a job's stream: its text, its reasoning and its tool calls.

import type { ToolCall } from "../tool-call";
import type { LogMessage } from "./job-log";

export type Said = { text: string; reasoning: string; toolCalls: ToolCall[] };

export const NOTHING_SAID: Said = { text: "", reasoning: "", toolCalls: [] };

export function saidIn(messages: LogMessage[]): Said {
  return messages.reduce(saidAfter, NOTHING_SAID);
}

export function saidAfter(said: Said, message: LogMessage): Said {
  switch (message.type) {
    case "text":
      return { ...said, text: said.text + message.text };
    case "reasoning":
      return { ...said, reasoning: said.reasoning + message.text };
    case "tool_call":
      return { ...said, toolCalls: callsAfter(said.toolCalls, message) };
    case "rollback":
      return { text: message.text, reasoning: message.reasoning ?? "", toolCalls: message.tool_calls ?? [] };
    default:
      return said;
  }
}

/** A run starts over behind what was said up to `to`. */
export function rollbackTo(to: string, { text, reasoning, toolCalls }: Said): LogMessage {
  return {
    ...{ type: "rollback", to, text },
    ...(reasoning !== "" && { reasoning }),
    ...(toolCalls.length > 0 && { tool_calls: toolCalls }),
  };
}

function callsAfter(calls: ToolCall[], { id, name, arguments: piece }: ToolCall): ToolCall[] {
  const isKnown = calls.some((call) => call.id === id);
  if (!isKnown) return [...calls, { id, name, arguments: piece }];
  return calls.map((call) => (call.id === id ? { ...call, arguments: call.arguments + piece } : call));
}

// Which tools a sandbox chat model calls, and with what arguments.

import type { ToolCall } from "../../core/tool-call";
import { hash } from "./hash";
import { sampleJson } from "./json-sample";
import type { SandboxOptions } from "./options";
import type { ChatBody, SandboxTool } from "./request";

export function sampleCalls(body: ChatBody, options: SandboxOptions): ToolCall[] {
  const key = hash(JSON.stringify(body.messages)).toString(16);
  return calledTools(body, options).map(({ function: { name, parameters } }, index) => ({
    id: `call_${key}_${index}`,
    name,
    // Arguments are an object, also where a schema does not say so.
    arguments: JSON.stringify(sampleJson({ type: "object", ...parameters }) ?? {}),
  }));
}

function calledTools(body: ChatBody, options: SandboxOptions): SandboxTool[] {
  const { tools, tool_choice: choice } = body;
  if (!tools?.length || choice === "none") return [];
  const count = body.parallel_tool_calls === false ? 1 : (options.calls ?? 1);
  if (typeof choice === "object" && choice)
    return tools.filter((tool) => tool.function.name === choice.function.name).slice(0, 1);
  if (choice !== "required" && !wantsToCall(body, options)) return [];
  return Array.from({ length: count }, (_, index) => tools[index % tools.length] as SandboxTool);
}

/** Once it has the answers of its tools, it speaks: else it would call them without end. */
function wantsToCall({ messages }: ChatBody, { calls }: SandboxOptions): boolean {
  return calls !== undefined && messages.at(-1)?.role !== "tool";
}

// What a job says, as the chunks of which the AI SDK makes a message.

import type { UIMessageChunk } from "ai";
import type { StreamPart } from "../job-stream.ts";
import type { ToolCall } from "../task-types.ts";

type End = Extract<StreamPart, { type: "end" }>;

/** What is left of what was said before. */
type Reset = Omit<Extract<StreamPart, { type: "reset" }>, "type">;

type Kind = "text" | "reasoning";

/**
 * `readText`: the text of the completed job, for what its stream does not have. The message is one step, because a step is
 * what the SDK can take back.
 */
export async function* toChunks(
  parts: AsyncIterable<StreamPart>,
  start: { messageId?: string; messageMetadata: unknown },
  readText: () => Promise<string>,
): AsyncGenerator<UIMessageChunk, void, undefined> {
  const writer = new StepWriter();
  let end: End | null = null;
  yield { type: "start", ...start };
  yield { type: "start-step" };
  for await (const part of parts) {
    // Not at once: the job may have been run again, and then more follows.
    if (part.type === "end") end = part;
    else yield* writer.write(part);
  }
  if (end === null) return;
  if (end.state === "completed" && (end.cut || writer.isEmpty))
    yield* writer.startOver({ text: await readText(), reasoning: "", tool_calls: [] });
  yield* conclude(end, writer);
}

function* conclude({ state, error }: End, writer: StepWriter): Generator<UIMessageChunk> {
  yield* writer.closeBlock();
  if (state === "completed") {
    yield* writer.closeCalls();
    yield { type: "finish-step" };
    yield { type: "finish" };
  } else if (state === "cancelled") yield { type: "abort" };
  else yield { type: "error", errorText: error?.message ?? "The job has failed, and does not say why." };
}

class StepWriter {
  private block: { kind: Kind; id: string } | null = null;
  private blocks = 0;
  private readonly calls = new Map<string, { name: string; json: string }>();
  /** Nothing but progress was said. */
  isEmpty = true;

  *write(part: StreamPart): Generator<UIMessageChunk> {
    switch (part.type) {
      case "text":
      case "reasoning":
        yield* this.say(part.type, part.text);
        break;
      case "tool_call":
        yield* this.call(part);
        break;
      case "reset":
        yield* this.startOver(part);
        break;
      case "progress": {
        const { done, total, message } = part;
        yield { type: "data-errand-progress", data: { done, total, message }, transient: true };
        break;
      }
      default:
      // Nothing to show; and a newer server may have more to say.
    }
  }

  /** Takes back all that was said. */
  *startOver({ text, reasoning, tool_calls: calls }: Reset): Generator<UIMessageChunk> {
    this.block = null;
    this.calls.clear();
    this.isEmpty = true;
    yield { type: "reset-step" };
    if (reasoning !== "") yield* this.say("reasoning", reasoning);
    if (text !== "") yield* this.say("text", text);
    for (const call of calls) yield* this.call(call);
  }

  *closeBlock(): Generator<UIMessageChunk> {
    if (this.block) yield { type: `${this.block.kind}-end`, id: this.block.id };
    this.block = null;
  }

  /** Pieces of several calls may come in turns: only at the end is each of them whole. */
  *closeCalls(): Generator<UIMessageChunk> {
    for (const [toolCallId, { name: toolName, json }] of this.calls) {
      try {
        yield { type: "tool-input-available", toolCallId, toolName, input: JSON.parse(json || "{}") };
      } catch {
        const errorText = `The arguments of ${toolName} are not JSON.`;
        yield { type: "tool-input-error", toolCallId, toolName, input: json, errorText };
      }
    }
  }

  private *say(kind: Kind, delta: string): Generator<UIMessageChunk> {
    this.isEmpty = false;
    if (this.block?.kind !== kind) {
      yield* this.closeBlock();
      this.blocks += 1;
      this.block = { kind, id: `${kind}-${this.blocks}` };
      yield { type: `${kind}-start`, id: this.block.id };
    }
    yield { type: `${kind}-delta`, id: this.block.id, delta };
  }

  private *call({ id: toolCallId, name: toolName, arguments: json }: ToolCall): Generator<UIMessageChunk> {
    this.isEmpty = false;
    yield* this.closeBlock();
    const known = this.calls.get(toolCallId);
    if (!known) yield { type: "tool-input-start", toolCallId, toolName };
    this.calls.set(toolCallId, { name: toolName, json: (known?.json ?? "") + json });
    yield { type: "tool-input-delta", toolCallId, inputTextDelta: json };
  }
}

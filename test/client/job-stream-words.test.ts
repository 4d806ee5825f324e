// jobs.stream(): reasoning and tool calls beside the text.

import { describe, expect, it } from "vitest";
import type { StreamPart, ToolCall } from "../../client/src/index";
import type { LogMessage } from "../../src/core/streams/job-log";
import { connect } from "../support/client-wire";
import { generate, submit } from "../support/http-client";
import { scripted } from "../support/scripted-fetch";
import { batch, callPiece, END, reasoning, text } from "../support/stream-frames";

/** A reset that leaves nothing of what was said. */
const RESET: StreamPart = { type: "reset", text: "", reasoning: "", tool_calls: [] };

async function all(stream: AsyncIterable<StreamPart>): Promise<StreamPart[]> {
  const parts: StreamPart[] = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

const sse = (text: string) => new Response(text);

describe("reasoning and tool calls", () => {
  it("are told as they come, and a reset says what of them is left", async () => {
    const call = { id: "call_1", name: "brew", arguments: '{"cups":3}' };
    const rollback: LogMessage = {
      type: "rollback",
      to: "0_0",
      text: "",
      reasoning: "Hm.",
      tool_calls: [call],
    };
    const said = [reasoning("Hm. "), callPiece(""), callPiece('{"cups"')];
    const { errand } = scripted([
      () => sse(batch([...said, rollback, text("Tea."), { ...rollback, tool_calls: [] }, END], "0_9", true)),
    ]);
    const stream = errand.jobs.stream("j");
    expect(await all(stream)).toEqual([
      ...said,
      { ...RESET, reasoning: "Hm.", tool_calls: [call] },
      text("Tea."),
      { ...RESET, reasoning: "Hm." },
      END,
    ]);
    expect(await stream.text()).toBe("");
  });

  it("are in the stream what they are in the output, also when a run has broken off", async () => {
    const { errand } = connect();
    const tools = [{ type: "function", function: { name: "brew" } }];
    for (const model of [
      "sandbox/chat!calls=2,reasoning=Hm.",
      "sandbox/chat!calls=2,reasoning=Hm.,cut=2,times=1",
    ]) {
      const job = await submit(generate({ stream: true, input: { prompt: "Tea", model, tools } }));
      const parts = await all(errand.jobs.stream(job.id));
      const { output } = await errand.jobs.get<{ tool_calls: ToolCall[] }>(job.id);
      const counted = parts.slice(parts.findLastIndex(({ type }) => type === "reset") + 1);
      const names = output?.tool_calls.map(({ name }) => name);
      expect([names, output]).toMatchObject([["brew", "brew"], { reasoning: "Hm.", text: "" }]);
      for (const call of output?.tool_calls ?? []) {
        const pieces = counted.flatMap((part) =>
          part.type === "tool_call" && part.id === call.id ? [part] : [],
        );
        expect(pieces.map((piece) => piece.arguments).join("")).toBe(call.arguments);
      }
      const thought = counted.flatMap((part) => (part.type === "reasoning" ? [part.text] : []));
      expect(thought.join("")).toBe("Hm.");
    }
  });
});

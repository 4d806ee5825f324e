// The stream of a job as the server writes it over server-sent events.

import type { StreamMessage } from "../../client/src/wire-stream";
import type { LogMessage } from "../../src/core/streams/job-log";

export const text = (words: string): LogMessage => ({ type: "text", text: words });
export const reasoning = (words: string): LogMessage => ({ type: "reasoning", text: words });
export const callPiece = (piece: string, id = "call_1"): LogMessage => ({
  ...{ type: "tool_call", id, name: "brew", arguments: piece },
});
export const rollback = (words: string): LogMessage => ({ type: "rollback", to: "0_0", text: words });
export const END = { type: "end", state: "completed", error: null } satisfies LogMessage;

/** Messages, and the offset behind them. */
export function batch(messages: StreamMessage[], offset: string, closed = false): string {
  const control = { streamNextOffset: offset, ...(closed ? { streamClosed: true } : { upToDate: true }) };
  const data = messages.length === 0 ? "" : `event: data\ndata:${JSON.stringify(messages)}\n\n`;
  return `${data}event: control\ndata:${JSON.stringify(control)}\n\n`;
}

// The stream of a job over a WebSocket, read to its end.

import type { LogMessage } from "../../src/core/streams/job-log";

export type StreamFrame = { offset: string; closed: boolean; data: LogMessage[] };

/** Rejects when the connection ends before the stream. */
export function readStreamSocket(address: string): Promise<StreamFrame[]> {
  const { promise, resolve, reject } = Promise.withResolvers<StreamFrame[]>();
  const frames: StreamFrame[] = [];
  const socket = new WebSocket(address);
  socket.addEventListener("message", ({ data }) => {
    const frame = JSON.parse(String(data)) as StreamFrame;
    frames.push(frame);
    if (!frame.closed) return;
    resolve(frames);
    socket.close();
  });
  socket.addEventListener("close", () => {
    reject(new Error(`The stream broke off after ${frames.length} frames.`));
  });
  return promise;
}

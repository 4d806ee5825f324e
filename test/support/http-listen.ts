// Listens to events as a browser does: over a WebSocket, or over server-sent events.

import { expect } from "vitest";
import type { EventFrame, Frame, SnapshotFrame } from "../../src/contract/frames";
import type { JobOnWire } from "../../src/contract/job";
import type { JobEvent } from "../../src/core/events";
import { Changes } from "./changes";
import { type Ask, open } from "./http-client";

export type Listener = {
  frames: Frame[];
  /** The first frame that fits, which may have come already. */
  until(fits: (frame: Frame) => boolean): Promise<Frame>;
  close(): void;
};

function collect(close: () => void): Listener & { add(frame: Frame): void } {
  const frames: Frame[] = [];
  const changes = new Changes();
  return {
    frames,
    close,
    add(frame) {
      frames.push(frame);
      changes.tell();
    },
    until: (fits) => changes.until(() => frames.find(fits)),
  };
}

export async function openWebSocket(path: string, ask: Ask = {}): Promise<Listener & { socket: WebSocket }> {
  const response = await open("GET", path, { ...ask, headers: { ...ask.headers, upgrade: "websocket" } });
  const { webSocket: socket } = response;
  if (!socket) throw new Error(`no socket: ${response.status} ${await response.text()}`);
  expect(response.status).toBe(101);
  const listener = collect(() => socket.close(1000, "bye"));
  socket.addEventListener("message", ({ data }) => {
    if (data !== "pong") listener.add(JSON.parse(String(data)));
  });
  socket.accept();
  await listener.until((frame) => frame.type === "snapshot");
  return { ...listener, socket };
}

/** `ids`: what a browser would send as Last-Event-ID after each frame. */
export async function openSse(path: string, ask: Ask = {}): Promise<Listener & { ids: string[] }> {
  const response = await open("GET", path, ask);
  const { body } = response;
  if (response.status !== 200 || !body) throw new Error(`${response.status} ${await response.text()}`);
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  const ids: string[] = [];
  const listener = collect(() => void reader.cancel());
  void readEvents(reader, (id, frame) => {
    ids.push(id);
    listener.add(frame);
  });
  await listener.until((frame) => frame.type === "snapshot");
  return { ...listener, ids };
}

async function readEvents(
  reader: ReadableStreamDefaultReader<string>,
  add: (id: string, frame: Frame) => void,
): Promise<void> {
  for (let text = ""; ; ) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (text + value).split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks.filter((one) => !one.startsWith(":"))) {
      const fields = new Map(block.split("\n").map((line) => splitOnce(line, ": ")));
      const frame = JSON.parse(fields.get("data") ?? "") as Frame;
      expect(fields.get("event")).toBe(frame.type);
      add(fields.get("id") ?? "", frame);
    }
  }
}

function splitOnce(text: string, by: string): [string, string] {
  const at = text.indexOf(by);
  return [text.slice(0, at), text.slice(at + by.length)];
}

/** The events among the frames: all but snapshots and resets. */
export function eventsOf(frames: Frame[]): EventFrame[] {
  return frames.filter((frame): frame is EventFrame => frame.type !== "snapshot" && frame.type !== "reset");
}

export function isEvent(type: JobEvent["type"], jobId: string) {
  return (frame: Frame) => frame.type === type && "job_id" in frame && frame.job_id === jobId;
}

export function jobSnapshot(frame: Frame | undefined): JobOnWire | null {
  if (frame?.type !== "snapshot" || !("job" in frame)) throw new Error("not a snapshot of a job");
  return frame.job;
}

export function channelSnapshot(frame: Frame | undefined): Extract<SnapshotFrame, { jobs: JobOnWire[] }> {
  if (frame?.type !== "snapshot" || !("jobs" in frame)) throw new Error("not a snapshot of a channel");
  return frame;
}

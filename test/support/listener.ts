// Someone who listens to a hub: gathers the frames in the order in which they come.

import { env } from "cloudflare:workers";
import { vi } from "vitest";
import type { EventFrame, Frame } from "../../src/contract/frames";
import type { Listen } from "../../src/durable/event-hub";
import { PROJECT } from "./factory";

const PATIENT = { timeout: 8_000 };

export type Listener = {
  frames: Frame[];
  /** Those that are neither a snapshot nor a reset. */
  events(): EventFrame[];
  /** Waits until so many frames have come, and gives their types. */
  types(count: number): Promise<string[]>;
  /** The cursor of the last frame. */
  cursor(): string;
  socket: WebSocket;
};

export async function listenTo(hub: string, over: Partial<Listen>): Promise<Listener> {
  const listen: Listen = { projectId: PROJECT, job: null, channel: null, since: null, ...over };
  const address = `https://hub/?listen=${encodeURIComponent(JSON.stringify(listen))}`;
  const response = await env.EVENT_HUB.getByName(hub).fetch(address, { headers: { upgrade: "websocket" } });
  const socket = response.webSocket;
  if (!socket) throw new Error(`no socket: ${response.status}`);
  const frames: Frame[] = [];
  socket.addEventListener("message", ({ data }) => {
    if (data !== "pong") frames.push(JSON.parse(String(data)) as Frame);
  });
  socket.accept();
  return {
    frames,
    events: () =>
      frames.flatMap((frame) => (frame.type === "snapshot" || frame.type === "reset" ? [] : [frame])),
    async types(count) {
      await vi.waitFor(() => {
        if (frames.length < count) throw new Error(`${frames.length} of ${count} frames so far`);
      }, PATIENT);
      return frames.map(({ type }) => type);
    },
    cursor: () => frames.at(-1)?.cursor ?? "",
    socket,
  };
}

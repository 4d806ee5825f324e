// Tells readers what is appended: each has a hibernating socket, tagged with its stream, and has been told all so far.

import { formatOffset } from "../core/streams/offset";
import { toPayload } from "../core/streams/payload";
import { type Page, readPage } from "./stream-pages";
import type { StoredStream, StreamStore } from "./stream-store";

/** A reader that is further behind than this reads the log first. */
const MOST_CATCH_UP = 8_000_000;

/** What a reader has not seen yet, from this page on. */
export function catchUp(socket: WebSocket, store: StreamStore, stream: StoredStream, first: Page): void {
  let page: Page | null = first;
  for (let sent = 0; page && sent <= MOST_CATCH_UP; sent += page?.data.byteLength ?? 0) {
    if (page.data.byteLength > 0 || page.closed) socket.send(frameOf(stream, page));
    if (page.upToDate) return;
    page = readPage(store, stream, { epoch: 0, at: page.next });
  }
  socket.close(1013, "read the log first");
}

export function tell(sockets: WebSocket[], stream: StoredStream, news: News): void {
  if (sockets.length === 0) return;
  const frame = frameOf(stream, news);
  for (const socket of sockets) {
    try {
      socket.send(frame);
    } catch {
      // It closed a moment ago, and comes back with its offset if it wants to.
    }
  }
}

type News = Pick<Page, "data" | "next" | "closed">;

/** `data` last, so that it can be taken out as it is. */
function frameOf({ contentType }: StoredStream, { data, next, closed }: News): string {
  const offset = formatOffset({ epoch: 0, at: next });
  return `{"offset":"${offset}","closed":${closed},"data":${toPayload(contentType, data)}}`;
}

// Tells readers what is appended: each has a hibernating socket, tagged with its stream, and has been told all so far.

import { formatOffset, type Place } from "../core/streams/offset";
import { toPayload } from "../core/streams/payload";
import { type Bytes, epochOf, type Page, readPage } from "./stream-pages";
import type { StoredStream } from "./stream-store";

/** A reader that is further behind than this reads the log first. */
const MOST_CATCH_UP = 8_000_000;

/** What a reader has not seen yet, from this page on. */
export function catchUp(socket: WebSocket, bytes: Bytes, stream: StoredStream, first: Page): void {
  let page: Page | null = first;
  for (let sent = 0; page && sent <= MOST_CATCH_UP; sent += page?.data.byteLength ?? 0) {
    if (page.data.byteLength > 0 || page.closed) socket.send(frameOf(stream, page));
    if (page.upToDate) {
      noteAhead(socket, bytes.tail(stream.id), page);
      return;
    }
    page = readPage(bytes, stream, { epoch: page.epoch, at: page.next });
  }
  socket.close(1013, "read the log first");
}

/** A reader who has seen what the object has forgotten is not told it again. */
function noteAhead(socket: WebSocket, tail: number, { epoch, next }: Page): void {
  if (next > tail) socket.serializeAttachment({ epoch, at: next } satisfies Place);
}

export function tell(sockets: WebSocket[], stream: StoredStream, data: Uint8Array, next: number): void {
  if (sockets.length === 0) return;
  const news = { data, next, epoch: epochOf(stream), closed: stream.closed };
  const frame = frameOf(stream, news);
  for (const socket of sockets) {
    const ahead = socket.deserializeAttachment() as Place | null;
    if (ahead === null || ahead.epoch < news.epoch) trySend(socket, frame);
    else tellRest(socket, stream, news, ahead.at);
  }
}

function tellRest(socket: WebSocket, stream: StoredStream, news: News, at: number): void {
  const unseen = news.next - at;
  if (unseen >= 0) socket.serializeAttachment(null);
  if (unseen > 0 || (unseen === 0 && news.closed)) {
    const data = news.data.subarray(Math.max(0, news.data.byteLength - unseen));
    trySend(socket, frameOf(stream, { ...news, data }));
  }
}

function trySend(socket: WebSocket, frame: string): void {
  try {
    socket.send(frame);
  } catch {
    // It closed a moment ago, and comes back with its offset if it wants to.
  }
}

type News = Pick<Page, "data" | "next" | "epoch" | "closed">;

/** `data` last, so that it can be taken out as it is. */
function frameOf({ contentType }: StoredStream, { data, next, epoch, closed }: News): string {
  const offset = formatOffset({ epoch, at: next });
  return `{"offset":"${offset}","closed":${closed},"data":${toPayload(contentType, data)}}`;
}

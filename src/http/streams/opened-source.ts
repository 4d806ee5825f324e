// Opens the stream of a job where what is stored is sealed: its object holds what it cannot read, and readers get it plain.

import { type LogMessage, type SealedLines, toLine } from "../../core/streams/job-log";
import { parseOffset } from "../../core/streams/offset";
import { NOTHING_SAID, rollbackTo, type Said, saidIn } from "../../core/streams/said";
import type { From, Read } from "../../durable/stream-log";
import type { JobKey } from "../../store/db";
import type { Vault } from "../../store/vault";
import type { Source } from "./source";

type Stored = LogMessage | SealedLines;
type Frame = { offset: string; closed: boolean; data: Stored[] };

export function openedSource(vault: Vault, job: JobKey, sealed: Source): Source {
  async function open(stored: Stored[]): Promise<LogMessage[]> {
    const messages: LogMessage[] = [];
    for (const one of stored) {
      if (one.type === "sealed") messages.push(...parse(await vault.openText(job, one.lines)));
      // The object cannot tell what a reader shows of the part that stays.
      else if (one.type === "rollback") messages.push(rollbackTo(one.to, await saidBefore(one.to)));
      else messages.push(one);
    }
    return messages;
  }

  async function saidBefore(offset: string): Promise<Said> {
    const end = parseOffset(offset)?.at ?? 0;
    if (end === 0) return NOTHING_SAID;
    const stored: Stored[] = [];
    let from: From = "start";
    for (let at = 0; at < end; ) {
      const read = await sealed.read(from);
      if (read.kind !== "read" || read.page.next === at) break;
      const { data, next, epoch } = read.page;
      stored.push(...parse<Stored>(decode(data.subarray(0, end - at))));
      at = next;
      from = { epoch, at };
    }
    return saidIn(await open(stored));
  }

  async function openRead(read: Read): Promise<Read> {
    if (read.kind !== "read") return read;
    const messages = await open(parse<Stored>(decode(read.page.data)));
    const data = new TextEncoder().encode(messages.map(toLine).join(""));
    return { ...read, page: { ...read.page, data } };
  }

  async function openFrame(text: string): Promise<string> {
    const { offset, closed, data } = JSON.parse(text) as Frame;
    return JSON.stringify({ offset, closed, data: await open(data) });
  }

  return {
    ...sealed,
    read: async (from) => openRead(await sealed.read(from)),
    async listen(from) {
      const socket = await sealed.listen(from);
      return socket && relay(socket, openFrame);
    },
  };
}

/** A socket that tells what the other does, frame by frame as `open` has it. It hangs up when that fails, or by the signal. */
export function relay(
  inner: WebSocket,
  open: (frame: string) => Promise<string>,
  signal?: AbortSignal,
): WebSocket {
  const { 0: outer, 1: ours } = new WebSocketPair();
  let told: Promise<void> = Promise.resolve();
  const hangUp = () => {
    ours.close(1000, "done");
    inner.close(1000, "done");
  };
  inner.addEventListener("message", ({ data }) => {
    told = told.then(async () => ours.send(await open(String(data)))).catch(hangUp);
  });
  // What has come before that is told first.
  inner.addEventListener("close", () => void told.then(hangUp));
  ours.addEventListener("close", hangUp);
  signal?.addEventListener("abort", hangUp);
  ours.accept();
  inner.accept();
  return outer;
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function parse<T = LogMessage>(lines: string): T[] {
  return lines.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as T]));
}

// Frames that arrive by themselves, over a WebSocket or as server-sent events, to be waited for.

import type { EventFrame, Frame } from "../../src/contract/frames";

/** Less than a test may take, so that it is told what did come. */
const PATIENCE_MS = 80_000;

/** An event's name without "job."; other frames as they are called. */
export const shortName = (frame: Frame) => frame.type.replace(/^job\./, "");

export class Inbox {
  readonly frames: Frame[] = [];
  /** Resolves when the connection has ended. */
  readonly closed: Promise<void>;
  private readonly checks = new Set<() => void>();

  constructor(
    private readonly shut: () => void,
    closed: Promise<void>,
  ) {
    this.closed = closed;
  }

  take(text: string): void {
    this.frames.push(JSON.parse(text) as Frame);
    for (const check of this.checks) check();
  }

  /** Waits until this is true of all frames so far. */
  until<T>(find: (frames: Frame[]) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUp = (why: string) => {
        clearTimeout(timer);
        this.checks.delete(check);
        reject(new Error(`${why} What came: ${this.frames.map(shortName).join(", ")}`));
      };
      const timer = setTimeout(() => giveUp("It did not come."), PATIENCE_MS);
      void this.closed.then(() => giveUp("The connection ended before it came."));
      const check = () => {
        const found = find(this.frames);
        if (found === undefined) return;
        clearTimeout(timer);
        this.checks.delete(check);
        resolve(found);
      };
      this.checks.add(check);
      check();
    });
  }

  /** The first frame of this type, of this job if one is given. */
  untilType(type: Frame["type"], job?: string): Promise<Frame> {
    return this.until((frames) => frames.find((frame) => isOf(frame, type, job)));
  }

  /** Waits until this many jobs have ended in this way. */
  async untilEnded(count: number, type: EventFrame["type"] = "job.completed"): Promise<void> {
    await this.until((frames) =>
      frames.filter((frame) => frame.type === type).length >= count ? true : undefined,
    );
  }

  /** The events so far, of this job if one is given. */
  events(job?: string): EventFrame[] {
    return this.frames.filter(
      (frame): frame is EventFrame => "job_id" in frame && (!job || frame.job_id === job),
    );
  }

  async close(): Promise<void> {
    this.shut();
    await this.closed;
  }
}

function isOf(frame: Frame, type: Frame["type"], job?: string): boolean {
  return frame.type === type && (job === undefined || ("job_id" in frame && frame.job_id === job));
}

export async function openSocket(address: string): Promise<Inbox> {
  const socket = new WebSocket(address);
  const closed = new Promise<void>((resolve) => socket.addEventListener("close", () => resolve()));
  const inbox = new Inbox(() => socket.close(), closed);
  socket.addEventListener("message", ({ data }) => inbox.take(String(data)));
  await inbox.until((frames) => frames[0]);
  return inbox;
}

/** `headers` with the key, and with Last-Event-ID to go on. */
export async function openEventSource(address: string, headers: Record<string, string>): Promise<Inbox> {
  const controller = new AbortController();
  const response = await fetch(address, { headers, signal: controller.signal });
  if (!response.ok || !response.body) throw new Error(`${address} was answered ${response.status}`);
  const lines = readLines(response.body, (line) => line.startsWith("data:") && inbox.take(line.slice(5)));
  const inbox = new Inbox(() => controller.abort(), lines);
  await inbox.until((frames) => frames[0]);
  return inbox;
}

async function readLines(body: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const bytes of body) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onLine(line);
    }
  } catch {
    // Cut off, by us or by the other side.
  }
}

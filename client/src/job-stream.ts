// The stream of a job: what the model says, progress and end, over as many connections as it takes.

import { keepComing } from "./comeback.ts";
import { Deferred } from "./deferred.ts";
import { ConnectionError, InvalidRequestError } from "./errors.ts";
import type { Http } from "./http.ts";
import { Inbox } from "./inbox.ts";
import { listenBySse } from "./sse.ts";
import { formatPlace, parsePlace, START, type StreamPlace } from "./stream-place.ts";
import type { ToolCall } from "./task-types.ts";
import type { Job } from "./wire.ts";
import type { StreamControl, StreamMessage } from "./wire-stream.ts";

/** A `reset` says that what was said so far is void, and what it is instead: a run that had failed half-way starts over. */
export type StreamPart =
  | Exclude<StreamMessage, { type: "rollback" }>
  | { type: "reset"; text: string; reasoning: string; tool_calls: ToolCall[] };

export type StreamOptions = {
  /** The `offset` of an earlier reading: what came before is not told again. Default: from the first word. */
  offset?: string | null;
  /** The text up to `offset`, for `text()`. */
  text?: string;
  /** Ends it; who waits for a part gets the signal's reason. */
  signal?: AbortSignal;
};

/** How a connection is opened. */
export type StreamSource = {
  open(offset: string, signal: AbortSignal): Promise<Response>;
  /** A connection that submits the job tells it first. */
  hearJob?(job: Job): void;
};

export function openJobStream(
  http: Http,
  id: string,
  offset: string,
  signal: AbortSignal,
): Promise<Response> {
  const path = `/v1/jobs/${encodeURIComponent(id)}/stream`;
  return http.open({ method: "GET", path, query: { offset, live: "sse" }, signal });
}

type Delivery = { part: StreamPart; place: StreamPlace };

/** Parts in order, none twice, none left out. It ends with the stream: behind the `end` of the job. */
export class JobStream implements AsyncIterableIterator<StreamPart> {
  private readonly inbox = new Inbox<Delivery>();
  private readonly closing = new AbortController();
  private readonly whole = new Deferred<string>();
  private readonly signal: AbortSignal | undefined;
  /** Where to come back to. */
  private arrived: StreamPlace;
  private taken: string | null;
  private said: string;
  private isOver = false;

  constructor(
    private readonly http: Http,
    private readonly source: StreamSource,
    { offset = null, text = "", signal }: StreamOptions,
  ) {
    this.signal = signal;
    this.arrived = offset === null ? START : parsePlace(offset);
    this.taken = offset;
    this.said = text;
    if (signal?.aborted) this.abort();
    signal?.addEventListener("abort", this.abort);
    void this.keepListening();
  }

  /** Behind the last part that was taken: give it as `offset` to go on from there. Null: none was taken yet. */
  get offset(): string | null {
    return this.taken;
  }

  /** The whole text, once the stream has ended, in whatever state the job is then. Needs nobody to iterate. */
  text(): Promise<string> {
    return this.whole.promise;
  }

  /** Hangs up. Whoever iterates comes to the end, and `text()` is rejected with an `AbortError`. */
  close(): void {
    this.inbox.close();
    this.inbox.drop();
    this.whole.reject(new DOMException("The stream was closed before its end.", "AbortError"));
    this.hangUp();
  }

  async next(): Promise<IteratorResult<StreamPart, undefined>> {
    const taken = await this.inbox.take();
    if (!taken) return { done: true, value: undefined };
    this.taken = formatPlace(taken.item.place);
    return { done: false, value: taken.item.part };
  }

  /** Leaving a `for await` hangs up. */
  async return(): Promise<IteratorResult<StreamPart, undefined>> {
    this.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private readonly abort = (): void => {
    this.fail(this.signal?.reason);
    this.inbox.drop();
  };

  private fail(error: unknown): void {
    this.inbox.close({ error });
    this.whole.reject(error);
    this.hangUp();
  }

  private hangUp(): void {
    this.signal?.removeEventListener("abort", this.abort);
    this.closing.abort();
  }

  private async keepListening(): Promise<void> {
    const { signal } = this.closing;
    try {
      await keepComing(() => this.listenOnce(), Math.max(1, this.http.settings.maxRetries), signal);
    } catch (error) {
      if (!signal.aborted) this.fail(error);
      return;
    }
    this.inbox.close();
    this.whole.resolve(this.said);
    this.hangUp();
  }

  /** One connection. Whether there may be more. */
  private async listenOnce(): Promise<boolean> {
    const { signal } = this.closing;
    let batch: StreamMessage[] = [];
    let isHeard = false;
    let goesOn = true;
    const hear = (text: string, event?: string) => {
      if (!goesOn) return false;
      if (event === "job") {
        isHeard = true;
        this.source.hearJob?.(JSON.parse(text) as Job);
      }
      if (event === "data") batch.push(...(JSON.parse(text) as StreamMessage[]));
      if (event !== "control") return true;
      // Only now is it known where to go on, so that what was cut off before is told again, and nothing else.
      isHeard = true;
      goesOn = this.take(batch, JSON.parse(text) as StreamControl);
      batch = [];
      return goesOn;
    };
    const open = () => this.source.open(this.arrived.offset, signal);
    try {
      await listenBySse(open, hear, signal);
    } catch (error) {
      if (!this.isStale(error)) throw error;
      this.startOver();
      return true;
    }
    signal.throwIfAborted();
    if (!isHeard) throw new ConnectionError(`No stream from ${this.http.settings.baseUrl}.`);
    return !this.isOver;
  }

  /** Whether this connection goes on. */
  private take(batch: StreamMessage[], { streamNextOffset, streamClosed }: StreamControl): boolean {
    let { passed } = this.arrived;
    for (const [i, message] of batch.entries()) {
      // What was taken before has no end in it: the stream has lost some of it, and has ended without.
      if (passed > 0 && message.type === "end") {
        this.startOver();
        return false;
      }
      // A rollback takes what was passed with it, and is better told twice than not at all.
      if (message.type === "rollback") passed = 0;
      if (passed > 0) passed -= 1;
      else this.deliver(message, this.placeAfter(i, batch.length, streamNextOffset));
    }
    this.arrived = { offset: streamNextOffset, passed };
    this.isOver = streamClosed === true;
    return !this.isOver;
  }

  private placeAfter(i: number, count: number, next: string): StreamPlace {
    return i === count - 1 ? { offset: next, passed: 0 } : { offset: this.arrived.offset, passed: i + 1 };
  }

  private deliver(message: StreamMessage, place: StreamPlace): void {
    const part = message.type === "rollback" ? resetBy(message) : message;
    if (part.type === "text") this.said += part.text;
    if (part.type === "reset") this.said = part.text;
    this.inbox.put({ part, place });
  }

  /** An offset that the stream does not know (any more). */
  private isStale(error: unknown): boolean {
    const isNamed = error instanceof InvalidRequestError && error.param === "offset";
    return isNamed && this.arrived.offset !== START.offset;
  }

  private startOver(): void {
    this.arrived = START;
    this.deliver({ type: "rollback", to: START.offset, text: "" }, START);
  }
}

function resetBy({
  text,
  reasoning = "",
  tool_calls = [],
}: Extract<StreamMessage, { type: "rollback" }>): StreamPart {
  return { type: "reset", text, reasoning, tool_calls };
}

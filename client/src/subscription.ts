// A subscription: frames as they come, over as many connections as it takes.

import { keepComing } from "./comeback.ts";
import { Inbox } from "./inbox.ts";
import type { Line } from "./line.ts";
import { Versions } from "./versions.ts";
import type { Frame } from "./wire-frames.ts";

export type SubscriptionOptions = {
  /** The `cursor` of an earlier subscription: what was missed since then is told first. */
  since?: string | null;
  /** Ends it; who waits for a frame gets the signal's reason. */
  signal?: AbortSignal;
};

/**
 * Frames in order, none twice. After a lost connection it comes back by itself, with another `snapshot` first and then
 * what was missed: whoever keeps the state of jobs takes the snapshot, and of the events those whose `version` is above.
 */
export class Subscription implements AsyncIterableIterator<Frame> {
  private readonly inbox = new Inbox<Frame>();
  private readonly closing = new AbortController();
  private readonly signal: AbortSignal | undefined;
  private readonly versions: Versions;
  /** Where to come back to: behind all that has arrived. */
  private arrived: string | null;
  private taken: string | null;

  constructor(
    private readonly line: Line,
    private readonly patience: number,
    { since = null, signal }: SubscriptionOptions,
  ) {
    this.signal = signal;
    this.versions = new Versions(since);
    this.arrived = since;
    this.taken = since;
    if (signal?.aborted) this.abort();
    signal?.addEventListener("abort", this.abort);
    void this.keepListening();
  }

  /** Behind the last frame that was taken: give it as `since` to go on from there, after a reload for instance. */
  get cursor(): string | null {
    return this.taken;
  }

  /** Hangs up. Whoever iterates comes to the end. */
  close(): void {
    this.inbox.close();
    this.inbox.drop();
    this.hangUp();
  }

  async next(): Promise<IteratorResult<Frame, undefined>> {
    const taken = await this.inbox.take();
    if (!taken) return { done: true, value: undefined };
    this.taken = taken.item.cursor;
    return { done: false, value: taken.item };
  }

  /** Leaving a `for await` hangs up. */
  async return(): Promise<IteratorResult<Frame, undefined>> {
    this.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private readonly abort = (): void => {
    this.inbox.close({ error: this.signal?.reason });
    this.close();
  };

  private hangUp(): void {
    this.signal?.removeEventListener("abort", this.abort);
    this.closing.abort();
  }

  private readonly hear = (frame: Frame): void => {
    this.arrived = frame.cursor;
    if (this.versions.take(frame)) this.inbox.put(frame);
  };

  private async keepListening(): Promise<void> {
    const { signal } = this.closing;
    const listen = async () => {
      await this.line.listen(this.arrived, this.hear, signal);
      return true;
    };
    try {
      await keepComing(listen, this.patience, signal);
    } catch (error) {
      if (signal.aborted) return;
      this.inbox.close({ error });
      this.hangUp();
    }
  }
}

// When the object of streams has to wake by itself: for a stream that ends, or for a source that was not told of a fork's end.

import type { StreamLives } from "./stream-lives";
import type { StreamStore } from "./stream-store";

/** A source that did not answer is told again after it. */
const RETURN_MS = 30_000;

export class StreamWakes {
  /** What the alarm is set to, as far as this object knows. */
  private wakesAt: number | null = null;

  constructor(
    private readonly store: StreamStore,
    private readonly lives: StreamLives,
    private readonly storage: DurableObjectStorage,
  ) {}

  /** At the latest. Null: it need not. Stored with what was written before, unless something was awaited in between. */
  async by(at: number | null): Promise<void> {
    if (at === null || at >= (this.wakesAt ?? Number.POSITIVE_INFINITY)) return;
    // Looking at all streams is dear: only an object that has just begun has to.
    this.wakesAt = Math.min(at, this.wakesAt ?? this.next());
    await this.storage.setAlarm(this.wakesAt);
  }

  async forLoans(): Promise<void> {
    await this.by(Date.now() + RETURN_MS);
  }

  /** The alarm has gone off. */
  async again(): Promise<void> {
    this.wakesAt = null;
    const next = this.next();
    await this.by(next === Number.POSITIVE_INFINITY ? null : next);
  }

  async never(): Promise<void> {
    this.wakesAt = null;
    await this.storage.deleteAlarm();
  }

  private next(): number {
    const ends = this.lives.nextEnd() ?? Number.POSITIVE_INFINITY;
    return this.store.loans().length === 0 ? ends : Math.min(ends, Date.now() + RETURN_MS);
  }
}

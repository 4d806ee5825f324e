// How long streams are kept that do not stay for ever. What is read and written all the time is noted now and then only: a
// row for each read would cost more than the reads.

import { endsAt, isWorthNoting, touchedBy } from "../core/streams/expiry";
import type { StoredStream, StreamStore } from "./stream-store";

export class StreamLives {
  private readonly touched = new Map<string, number>();

  constructor(private readonly store: StreamStore) {}

  /** Milliseconds since 1970; null: it stays. */
  endOf(stream: StoredStream): number | null {
    return endsAt(stream, this.touched.get(stream.id) ?? touchedBy(stream, stream.touchedAt));
  }

  /** It was read or written: a `ttlS` counts from now on. */
  touch({ id, ttlS }: StoredStream, now: number): void {
    if (ttlS === null) return;
    this.touched.set(id, now);
    const stream = this.store.find(id);
    if (stream && isWorthNoting(stream, stream.touchedAt, now))
      this.store.save({ ...stream, touchedAt: now });
  }

  forgetAll(): void {
    this.touched.clear();
  }

  forget(id: string): void {
    this.touched.delete(id);
  }

  /** When the next one ends; null: none does. */
  nextEnd(): number | null {
    const ends = this.store.findMortal().flatMap((stream) => this.endOf(stream) ?? []);
    return ends.length === 0 ? null : Math.min(...ends);
  }
}

// What an object remembers of streams that are gone: so much that nothing of them is taken for what comes after them.

/** Keys of a deleted project may be believed for so long: with them nothing is made anew. */
const FORGOTTEN_MS = 30_000;

const FORGOTTEN_AT = "forgotten_at";
const LAST_REMOVED = "last_removed";

export class StreamEras {
  constructor(private readonly kv: SyncKvStorage) {}

  /** For a stream that begins now: above that of any that may have had its name. */
  newEpoch(now: number): number {
    return Math.max(now, (this.kv.get<number>(LAST_REMOVED) ?? 0) + 1);
  }

  removed(epoch: number): void {
    this.kv.put(LAST_REMOVED, Math.max(epoch, this.kv.get<number>(LAST_REMOVED) ?? 0));
  }

  /** The project is deleted. */
  forget(now: number): void {
    this.kv.put(FORGOTTEN_AT, now);
  }

  isForgotten(now: number): boolean {
    return now < (this.kv.get<number>(FORGOTTEN_AT) ?? Number.NEGATIVE_INFINITY) + FORGOTTEN_MS;
  }
}

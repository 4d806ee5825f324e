// Waits for something that changes: whoever changes it tells, and whoever waits looks again.

export class Changes {
  private readonly waiting = new Set<() => void>();

  tell(): void {
    for (const look of this.waiting) look();
  }

  /** The first thing, but nothing falsy, that `find` says: now, or after a change. */
  until<T>(find: () => T): Promise<NonNullable<T>> {
    const { promise, resolve } = Promise.withResolvers<NonNullable<T>>();
    const look = () => {
      const found = find();
      if (!found) return;
      this.waiting.delete(look);
      resolve(found);
    };
    this.waiting.add(look);
    look();
    return promise;
  }
}

// What has arrived and was not yet taken, in order.

export class Inbox<T> {
  private readonly items: T[] = [];
  private waiting: (() => void)[] = [];
  private end: { error?: unknown } | null = null;

  put(item: T): void {
    if (this.end) return;
    this.items.push(item);
    this.wake();
  }

  /** Nothing more is taken in. An error goes to the next one who takes, after what has arrived before. */
  close(end: { error?: unknown } = {}): void {
    this.end ??= end;
    this.wake();
  }

  /** What has arrived is not wanted any more. */
  drop(): void {
    this.items.length = 0;
  }

  /** The next item, waited for; null when there will be none. */
  async take(): Promise<{ item: T } | null> {
    for (;;) {
      if (this.items.length > 0) return { item: this.items.shift() as T };
      if (this.end) return this.conclude(this.end);
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  private conclude(end: { error?: unknown }): null {
    this.end = {};
    if ("error" in end) throw end.error;
    return null;
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
